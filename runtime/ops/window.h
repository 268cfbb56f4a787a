/* SPDX-License-Identifier: Apache-2.0
 *
 * How convolution and pooling walk an image: row by row.
 */
#ifndef GROAT_OPS_WINDOW_H
#define GROAT_OPS_WINDOW_H

#include "../core/op.h"

/* The rows that a window covers and the dense size of one. */
static inline uint32_t groat_extent(uint32_t kernel, uint32_t dilation)
{
    return (kernel - 1) * dilation + 1;
}

/* Every window touches the image, and no count is zero. */
int groat_check_axes(const groat_window *w);

/* The same; no product below overflows; the only input and the output of the call have the shapes that the window says,
 * and the type. */
int groat_check_window(const groat_call *call, const groat_window *w, uint32_t out_c, uint8_t dtype);

/* The same for int16, where a pixel has twice the bytes. */
static inline int groat_check_window_s16(const groat_call *call, const groat_window *w, uint32_t out_c)
{
    GROAT_REQUIRE(w->in_c <= INT16_MAX);
    return groat_check_window(call, w, out_c, GROAT_INT16);
}

/* The walk below counts bytes; this is the window over an image of int16 as it sees it. */
static inline groat_window groat_window_of_s16(const groat_window *w)
{
    groat_window bytes = *w;
    bytes.in_c = (uint16_t)(2 * w->in_c);
    return bytes;
}

/* Scratch for groat_for_strips: row pointers; where windows stick out at a side, a ring of padded rows, as many as a
 * strip spans; where they stick out above or below, a row of padding; and behind them, aligned, what the kernel itself
 * needs. */
uint32_t groat_strips_scratch_bytes(const groat_window *w, uint32_t strip, uint64_t kernel_bytes);

/* Where the kernel's part of that scratch starts. */
void *groat_strips_kernel_scratch(const groat_window *w, uint32_t strip, void *scratch);

/* Computes `pixels` neighbouring output pixels from `rows`, which point at the first tap of the first pixel; of each
 * output row, if there are several in a strip: the second starts at the second pointer, and so on.
 * Taps of a row are a pixel times the dilation apart, pixels one times the stride. */
typedef void (*groat_segment)(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels);

/* Calls `segment` for every strip of `strip` rows of the output, at most as many as it has; once for all of the output
 * where the window is a single pixel.  Strips of several rows need stride and dilation 1; the last may begin with rows
 * that the one before has computed. */
void groat_for_strips(const groat_window *w, uint32_t strip, int8_t padding, const int8_t *in, int8_t *out,
                      uint32_t out_c, void *scratch, groat_segment segment, const void *context);

/* The same with single rows. */
static inline uint32_t groat_window_scratch_bytes(const groat_window *w, uint64_t kernel_bytes)
{
    return groat_strips_scratch_bytes(w, 1, kernel_bytes);
}

static inline void *groat_window_kernel_scratch(const groat_window *w, void *scratch)
{
    return groat_strips_kernel_scratch(w, 1, scratch);
}

static inline void groat_for_segments(const groat_window *w, int8_t padding, const int8_t *in, int8_t *out,
                                      uint32_t out_c, void *scratch, groat_segment segment, const void *context)
{
    groat_for_strips(w, 1, padding, in, out, out_c, scratch, segment, context);
}

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* The tensors of the call are one image each, of the shapes that the window says. */
int groat_window_check_rows(const groat_call *call, const groat_window *w);

void groat_window_rows(const groat_window *w, int8_t padding, groat_rows *rows);

/* What the kernel of an op with these parameters needs for parts of so many pixels. */
typedef uint64_t (*groat_kernel_bytes)(const void *params, uint32_t pixels);

/* Scratch for groat_window_part: row pointers; what must be gathered of each row; aligned, what the kernel itself needs;
 * and where windows stick out above or below, a row of padding behind it. */
uint32_t groat_window_part_scratch_bytes(const groat_window *w, const groat_unit *unit, uint64_t kernel_bytes);

/* Calls `segment` for a part of the output, once or for pieces of it; before, the kernel's part of the scratch goes to
 * *kernel_scratch. */
void groat_window_part(const groat_call *call, const groat_window *w, int8_t padding, const groat_part *part,
                       groat_segment segment, const void *context, void **kernel_scratch,
                       groat_kernel_bytes kernel_bytes);

#endif
