/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the tables of a packed model in place.  Nothing here checks anything: that is open.c's task.
 */
#ifndef GROAT_CORE_MODEL_H
#define GROAT_CORE_MODEL_H

#include <stddef.h>

#include "../include/groat/groat.h"

static inline const groat_header *groat_header_of(const groat_t *net)
{
    return (const groat_header *)(const void *)net->base[GROAT_REGION_FILE];
}

static inline const void *groat_table(const groat_t *net, groat_section section)
{
    return net->base[GROAT_REGION_FILE] + section.offset;
}

static inline const groat_region *groat_region_of(const groat_t *net, uint32_t index)
{
    return (const groat_region *)groat_table(net, groat_header_of(net)->regions) + index;
}

static inline const groat_program *groat_program_of(const groat_t *net, uint32_t index)
{
    return (const groat_program *)groat_table(net, groat_header_of(net)->programs) + index;
}

static inline const groat_step *groat_step_of(const groat_t *net, uint32_t index)
{
    return (const groat_step *)groat_table(net, groat_header_of(net)->steps) + index;
}

static inline const groat_tensor *groat_tensor_of(const groat_t *net, uint32_t id)
{
    return (const groat_tensor *)groat_table(net, groat_header_of(net)->tensors) + id;
}

static inline const groat_buffer *groat_buffer_of(const groat_t *net, uint32_t id)
{
    return (const groat_buffer *)groat_table(net, groat_header_of(net)->buffers) + id;
}

static inline const groat_stream *groat_stream_of(const groat_t *net, uint32_t index)
{
    return (const groat_stream *)groat_table(net, groat_header_of(net)->streams) + index;
}

static inline const groat_line *groat_line_of(const groat_t *net, uint32_t index)
{
    return (const groat_line *)groat_table(net, groat_header_of(net)->lines) + index;
}

static inline const groat_state *groat_state_of(const groat_t *net, uint32_t index)
{
    return (const groat_state *)groat_table(net, groat_header_of(net)->states) + index;
}

static inline uint16_t groat_arg(const groat_t *net, uint32_t index)
{
    return ((const uint16_t *)groat_table(net, groat_header_of(net)->args))[index];
}

/* Whether a buffer is a constant: never written, and there in every step. */
static inline int groat_is_const(const groat_buffer *buffer)
{
    return buffer->region == GROAT_REGION_FILE;
}

/* Where a buffer lies.  Constants are never written, hence the cast. */
static inline void *groat_address(const groat_t *net, const groat_buffer *buffer)
{
    return (void *)(uintptr_t)(net->base[buffer->region] + buffer->offset);
}

/* Bytes of one element; 0 for an unknown type. */
static inline uint32_t groat_dtype_bytes(uint8_t dtype)
{
    switch (dtype) {
    case GROAT_INT8:
    case GROAT_UINT8:
        return 1;
    case GROAT_INT16:
    case GROAT_FLOAT16:
        return 2;
    case GROAT_INT32:
    case GROAT_FLOAT32:
        return 4;
    default:
        return 0;
    }
}

static inline uint32_t groat_elements(const groat_tensor *tensor)
{
    uint32_t elements = 1;
    for (uint32_t i = 0; i < GROAT_RANK_MAX; i++) {
        elements *= tensor->dims[i];
    }
    return elements;
}

/* Of a tensor [1, height, width, channels], as those are that streams write. */
static inline uint32_t groat_pixel_bytes(const groat_tensor *tensor)
{
    return tensor->dims[3] * groat_dtype_bytes(tensor->dtype);
}

static inline uint32_t groat_row_bytes(const groat_tensor *tensor)
{
    return tensor->dims[2] * groat_pixel_bytes(tensor);
}

/* Whether a tensor has memory for some of its pixels only, and while its stream runs. */
static inline int groat_is_ring(const groat_t *net, const groat_tensor *tensor)
{
#ifdef GROAT_NO_STREAMS
    (void)net, (void)tensor;
    return 0; /* groat_open refuses the others */
#else
    return tensor->line != GROAT_NONE && groat_line_of(net, tensor->line)->slots > 0;
#endif
}

/* Whether the units of a line are whole rows, and each row of a tensor so wide is one. */
static inline int groat_is_plain(const groat_line *line, uint32_t width)
{
    return line->span >= width && line->row_step == 1 && line->first_row == 0 && line->taps == 0 && line->more == 0;
}

/* The stream that a step belongs to; null if none. */
static inline const groat_stream *groat_stream_with(const groat_t *net, uint32_t step)
{
#ifdef GROAT_NO_STREAMS
    (void)net, (void)step;
#else
    for (uint32_t i = 0; i < groat_header_of(net)->streams.count; i++) {
        const groat_stream *stream = groat_stream_of(net, i);
        if (step - stream->first_step < stream->step_count) {
            return stream;
        }
    }
#endif
    return NULL;
}

#endif
