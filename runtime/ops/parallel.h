/* SPDX-License-Identifier: Apache-2.0
 *
 * How an op splits its work into parts: over what it writes, never over the terms of a sum, so that the results are the
 * same for any number of them.
 */
#ifndef GROAT_OPS_PARALLEL_H
#define GROAT_OPS_PARALLEL_H

#include "../core/op.h"
#include "../include/groat/parallel.h"

/* How many parts the model wants, of work that falls into at most `most` pieces. */
static inline uint32_t groat_parts(const groat_call *call, uint32_t most)
{
    const uint32_t workers = groat_header_of(call->net)->workers;
    const uint32_t parts = workers < most ? workers : most;
    return parts > 0 ? parts : 1;
}

/* The same where each needs `scratch_bytes` of its own: no more than the step's scratch has room for. */
static inline uint32_t groat_parts_with_scratch(const groat_call *call, uint32_t most, uint32_t scratch_bytes)
{
    const uint32_t parts = groat_parts(call, most);
    if (parts == 1 || scratch_bytes == 0) {
        return parts;
    }
    const uint32_t each = (scratch_bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
    const uint32_t room = groat_buffer_of(call->net, call->step->scratch)->bytes / each;
    return parts < room ? parts : room > 0 ? room : 1;
}

/* Where the scratch of a part is. */
static inline void *groat_part_scratch(const groat_call *call, uint32_t part, uint32_t scratch_bytes)
{
    const uint32_t each = (scratch_bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
    return scratch_bytes == 0 ? NULL : (uint8_t *)groat_scratch(call) + part * each;
}

/* Pieces [first, end) of `pieces` that are this part's. */
typedef struct groat_share {
    uint32_t first;
    uint32_t end;
} groat_share;

static inline groat_share groat_share_of(uint32_t pieces, uint32_t part, uint32_t parts)
{
    const uint32_t least = pieces / parts, rest = pieces % parts;
    const uint32_t first = part * least + (part < rest ? part : rest);
    return (groat_share){first, first + least + (part < rest)};
}

/* Output rows of an image as the output of a window of their own; *in_row is the first row that it reads. */
static inline groat_window groat_window_of_outputs(const groat_window *w, groat_share rows, uint32_t *in_row)
{
    groat_window part = *w;
    const uint32_t start = rows.first * w->stride_h; /* in the padded image */
    *in_row = start > w->pad_top ? start - w->pad_top : 0;
    part.batches = 1;
    part.pad_top = (uint16_t)(start > w->pad_top ? 0 : w->pad_top - start);
    part.in_h = (uint16_t)(w->in_h - *in_row);
    part.out_h = (uint16_t)(rows.end - rows.first);
    return part;
}

/* Input rows of an image as the input of a window of their own; *out_row is the first output that reads them. */
static inline groat_window groat_window_of_inputs(const groat_window *w, groat_share rows, uint32_t *out_row)
{
    groat_window part = *w;
    const uint32_t reach = (w->kernel_h - 1u) * w->dilation_h;
    const uint32_t start = rows.first + w->pad_top; /* in the padded image */
    const uint32_t above = start > reach ? (start - reach + w->stride_h - 1u) / w->stride_h : 0;
    const uint32_t last = start / w->stride_h;
    uint32_t first = above < last ? above : last;
    first = first < w->out_h ? first : w->out_h;
    part.batches = 1;
    part.in_h = (uint16_t)(rows.end - rows.first);
    part.out_h = (uint16_t)(w->out_h - first);
    part.pad_top = (uint16_t)(part.out_h > 0 ? start - first * w->stride_h : 0);
    *out_row = first;
    return part;
}

#endif
