/* SPDX-License-Identifier: Apache-2.0
 *
 * How depthwise convolutions lie in planes (slide.h), whether all of an image is there or a row at a time.
 */
#ifndef GROAT_DSP_PLANES_H
#define GROAT_DSP_PLANES_H

#include "slide.h"

/* An input of a plane, whose memory is written by words too. */
typedef int16_t __attribute__((may_alias)) dsp_half;

/* One side of the image. */
typedef struct dsp_axis {
    uint32_t in;
    uint32_t out;
    uint32_t kernel;
    uint32_t stride;
    uint32_t pad;
    uint32_t in_step;
    uint32_t out_step;
    uint32_t tap_step;
} dsp_axis;

typedef struct dsp_plan {
    dsp_axis along;         /* rows */
    dsp_axis across;
    uint32_t kind;
    uint32_t blocks;        /* of outputs in a strip */
    int exact;              /* a filter has as many taps as its kind */
    int by_three;           /* SLIDE_3X3: three rows' words side by side */
    uint32_t plane;         /* bytes of a row of one channel, or of those three rows */
    uint32_t slots;         /* rows that there is room for */
    uint32_t record_words;
    dsp_rows widening;      /* of a filter's weights */
} dsp_plan;

/* Rows along `along`, whose planes take up to `bytes`; 0 if there is no way. */
int groat_dsp_make_plan(dsp_plan *p, const dsp_axis *along, const dsp_axis *across, uint32_t bytes);

/* Words of inputs from block to block of outputs. */
static inline uint32_t dsp_advance(uint32_t kind)
{
    return kind % 2u != 0 ? 4 : 2;
}

/* Bytes of inputs that so many outputs go on by. */
static inline uint32_t dsp_span(const dsp_plan *p, uint32_t outputs)
{
    return outputs * dsp_advance(p->kind) * (p->by_three ? 3u : 1u);
}

static inline int32_t dsp_pair(int32_t low, int32_t high)
{
    return (int32_t)((uint32_t)(uint16_t)low | (uint32_t)high << 16);
}

/* What is the same in the records of all channels. */
void groat_dsp_write_steps(const dsp_plan *p, int32_t *records);

/* The rest of the records of four channels, whose weights are in `stream`. */
void groat_dsp_widen(dsp_plan *p, const int32_t *stream, const dsp_channel *channels, int32_t *records);

#endif
