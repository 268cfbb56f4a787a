/* SPDX-License-Identifier: Apache-2.0
 *
 * What depthwise_s8.c and its inner loops share: those of depthwise_loops.c, or the assembly of depthwise_riscv.c.
 */
#ifndef GROAT_SCALAR_DEPTHWISE_H
#define GROAT_SCALAR_DEPTHWISE_H

#include "scalar.h"

#define LANES 4u /* channels in a block of weights */

/* Too much code for the flash of the smallest core, whose few registers gain little by it. */
#if defined(__ARM_ARCH_6M__)
#define GROAT_SCALAR_WIDE_WINDOWS 0
#else
#define GROAT_SCALAR_WIDE_WINDOWS 1
#endif

/* A 3x3 window sliding along a row, some proven channels, one after the other: the assembly knows the places of the
 * fields, and changes w and channel. */
typedef struct groat_scalar_slide {
    const int8_t *rows[3];  /* the first channel's first inputs */
    uint32_t step;          /* from one input of a row to the next */
    const int8_t *w;        /* in blocks of four channels, each at a multiple of four */
    const groat_scalar_channel *channel;
    const groat_scalar_channel *channels_end;
    int8_t *out;
    uint32_t out_stride;
    int32_t low, high, rectified;
    uint32_t back;          /* from behind a row's inputs to the next channel's first */
    uint32_t out_bytes;     /* of the row, all channels */
} groat_scalar_slide;

/* Windows one column apart, and two. */
void groat_scalar_slide_one(groat_scalar_slide *s);
void groat_scalar_slide_two(groat_scalar_slide *s);

/* Neighbouring pixels of any window, some proven channels. */
typedef struct groat_scalar_wide {
    const int8_t *const *rows;
    const int8_t *const *rows_end;
    uint32_t start;         /* in each row */
    uint32_t step;          /* from a pixel to the next */
    uint32_t first_bytes; /* the inputs of those taps of a row that lie a step apart; with two taps to a step, of the */
    uint32_t second_bytes; /* first and of the second ones */
    uint32_t tap_stride;
    uint32_t row_weights; /* bytes of a block that belong to a row */
    uint32_t next_block; /* from behind the last lane of a block's first tap to the next block */
    const int8_t *w; /* in blocks of four channels, each at a multiple of four */
    const groat_scalar_channel *channel;
    const groat_scalar_channel *channels_end;
    int8_t *out;
    uint32_t out_stride;
    int32_t low, high, rectified;
} groat_scalar_wide;

/* How many pixels there may be. */
#define GROAT_SCALAR_WIDE 5u
#define GROAT_SCALAR_NARROW 3u /* in assembly */

/* Pixels one tap apart, or two. */
void groat_scalar_some_wide(groat_scalar_wide *w, uint32_t pixels, uint32_t stride);

#endif
