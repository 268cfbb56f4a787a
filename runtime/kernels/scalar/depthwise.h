/* SPDX-License-Identifier: Apache-2.0
 *
 * What the C of depthwise_s8.c and the assembly of depthwise_riscv.c share.
 */
#ifndef GROAT_SCALAR_DEPTHWISE_H
#define GROAT_SCALAR_DEPTHWISE_H

#include "scalar.h"

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

#endif
