/* SPDX-License-Identifier: Apache-2.0
 *
 * How a depthwise convolution slides along a row: one channel's inputs lie in a plane of halfwords, two neighbours in
 * a word, so that SMLAD takes two taps at once and every word serves several outputs.
 */
#ifndef GROAT_DSP_SLIDE_H
#define GROAT_DSP_SLIDE_H

#include "dsp.h"

enum {
    SLIDE_BLOCK = 4,        /* outputs at a time */
    DSP_SLIDE_BITS = 9, /* a result of the short requantisation, whose shift is 0, has so many bits behind the point */
};

/* What to slide with: filters of up to 3, 5 or 7 taps, by one or two inputs from output to output.  The last two have
 * three rows of up to 3 taps. */
enum {
    SLIDE_3_BY_1,
    SLIDE_3_BY_2,
    SLIDE_5_BY_1,
    SLIDE_5_BY_2,
    SLIDE_7_BY_1,
    SLIDE_7_BY_2,
    SLIDE_3X3_BY_1,
    SLIDE_3X3_BY_2
};

/* A row of outputs, of four channels one after the other.
 *
 * A channel's record has bias, shift, multiplier and offset, and for each row of the filter words of weights and the
 * bytes from the end of that row's inputs to the next row's; behind the last row, to the first one's of the next block
 * of outputs, which lie before it.  Taps are in pairs (0, 1), (1, 2) …, and by two inputs (0, 1), (2, 3) … with anything
 * behind the last tap.  For SLIDE_3X3 the three rows' inputs lie side by side, word by word, the pairs are (0, 1) and
 * (1, 2), and in place of steps the rows are there as 0, 1, 2, 0, 1. */
typedef struct dsp_slide {
    const int32_t *x;
    const int32_t *record;
    uint32_t x_step; /* bytes to the next channel's */
    uint32_t record_step;
    int8_t *out;
    uint32_t out_step; /* from output to output; channels are neighbours */
    uint32_t span; /* bytes of inputs that the outputs go on by */
    uint32_t rest; /* outputs modulo 4 */
    uint32_t rotation; /* of SLIDE_3X3: bytes to the weights of the row that is stored first */
    uint32_t kind;
} dsp_slide;

void groat_dsp_slide(const dsp_slide *slide);

/* `count` neighbouring pixels of four channels, to four planes `plane` bytes apart, from halfword `to` on.  Words of a
 * plane are neighbours, or every third of them. */
void groat_dsp_spread(const int8_t *in, uint32_t pixel_stride, uint32_t count, void *to, uint32_t plane);
void groat_dsp_spread_by_three(const int8_t *in, uint32_t pixel_stride, uint32_t count, void *to, uint32_t plane);

/* The same of several rows, from whole words on; `rows` and `to` end up behind the last. */
typedef struct dsp_spread {
    const int8_t *const *rows;
    uint32_t pixel_stride;
    uint32_t count;
    void *to;
    uint32_t plane;
    uint32_t at; /* of the first pixel in each row */
    uint32_t row_step; /* bytes from where a row goes to where the next one does */
    uint32_t row_count;
} dsp_spread;

void groat_dsp_spread_rows(dsp_spread *spread);
void groat_dsp_spread_rows_by_three(dsp_spread *spread);

/* Pairs of taps of four channels' records.  A pair is two weights `tap_step` bytes apart, scaled up. */
typedef struct dsp_rows {
    const int8_t *weights;
    uint32_t tap_step;
    uint32_t scales[2]; /* of channels 0 and 2, and 1 and 3: a power of two in each halfword */
    int32_t *to;
    uint32_t record_step; /* bytes from channel to channel */
    uint32_t pairs; /* in a row */
    uint32_t pair_step;
    uint32_t row_step; /* from behind the last pair to the next row */
    uint32_t to_step;
    uint32_t rows;
} dsp_rows;

void groat_dsp_widen_rows(const dsp_rows *rows);

/* The same where taps, and so pairs, are a word apart and rows lie one behind the other; two, four or six pairs. */
void groat_dsp_widen_neighbours(const dsp_rows *rows);

/* The constants of four channels' records, and the scales of their weights as in dsp_rows. */
void groat_dsp_widen_channels(const dsp_channel *channels, int32_t *records, uint32_t record_step, uint32_t scales[2]);

/* All of four channels' records of SLIDE_3X3 for filters of three taps in a row, from their stream: nine words of weights,
 * whose tap to the right is the next word, then the channels. */
void groat_dsp_widen3x3(const int32_t *stream, int32_t *records);

/* `words` words, to lower addresses. */
void groat_dsp_move_down(int32_t *to, const int32_t *from, uint32_t words);

/* By how many bits a channel's weights are scaled up. */
static inline uint32_t dsp_scale(const dsp_channel *c)
{
    return (uint32_t)c->tag >> 8 & 0xffu;
}

/* A channel's scaled sum with its bias, to an output. */
static inline int8_t dsp_slide_output(uint32_t acc, int32_t multiplier, int32_t offset, int32_t shift)
{
    uint64_t wide = (uint64_t)((int64_t)(int32_t)acc * multiplier) + ((uint64_t)(uint32_t)offset << 32);
    if (shift == 0) {
        return (int8_t)groat_clamp((int32_t)(wide >> 32) >> DSP_SLIDE_BITS, INT8_MIN, INT8_MAX);
    }
    wide += 1u << 31;
    int32_t x = (int32_t)((uint32_t)(wide >> 32) + (uint32_t)((int32_t)acc >> 31));
    return (int8_t)groat_clamp(x >> shift, INT8_MIN, INT8_MAX);
}

#endif
