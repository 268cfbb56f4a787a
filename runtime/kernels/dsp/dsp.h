/* SPDX-License-Identifier: Apache-2.0
 *
 * What the DSP kernels share: a channel's constants, and requantisation in five instructions.
 * python/groat/pack/layouts/dsp.py writes these structs and proves where the short way is exact.
 */
#ifndef GROAT_DSP_H
#define GROAT_DSP_H

#include <arm_acle.h>

#include "../kernels.h"
#include "../requantize.h"

/* Assembly where there is a core for it, the same in C elsewhere. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
#define GROAT_DSP_ASSEMBLY 1
#else
#define GROAT_DSP_ASSEMBLY 0
#endif

/* One channel.  `tag` holds the shift in its lowest byte (which is all that a shift by register looks at) and flags
 * above it.  Where the tag has DSP_FAST, the packer has proven that requantisation may go the short way, and the
 * fields are folded for it: bias is twice the bias, offset is rounding and zero point, the shift is to the right. */
typedef struct dsp_channel {
    int32_t bias;
    int32_t multiplier;
    int32_t offset;
    int32_t tag;
} dsp_channel;

enum {
    DSP_FAST = 0x100,       /* in the first channel of a pair or four, for all of them */
    DSP_RAW = 0x200,        /* in the first channel of a pair: weights are halfwords 256 * w1 + w0 */
    DSP_FOUR_WORDS = 16,    /* the constants of four channels */
    DSP_SHORT = 0x400,      /* in the first channel of a DSP_FAST pair: constants are for dsp_requantize_short */
    DSP_ANY = 0x10000,      /* in the first channel of four of DSP_DEPTHWISE_PLANES: only the long way is exact */
};

/* Orders of a depthwise convolution's constants.  All but the first have a depth multiplier of 1. */
enum {
    DSP_DEPTHWISE_PLAIN = 0,    /* the reference's */
    DSP_DEPTHWISE_FOURS = 1,    /* a stream of four channels' weights and constants */
    DSP_DEPTHWISE_DENSE = 2,    /* one input channel and any depth multiplier: what conv_s8 reads, for runs of 1 */
    DSP_DEPTHWISE_PLANES = 3,   /* a stream like the former with constants for slide.h; `tag` has the shift, and in
                                 * the byte above it by how many bits weights are scaled up */
};

/* In the last channel of a pair or four, as the sign: the next one is no longer DSP_FAST, or there is none, or only one
 * of the two is DSP_SHORT. */
static inline int dsp_ends_run(const dsp_channel *last)
{
    return last->tag < 0;
}

static inline int32_t dsp_shift(const dsp_channel *c)
{
    return (int8_t)c->tag;
}

static inline int32_t dsp_load(const void *p)
{
    int32_t x;
    __builtin_memcpy(&x, p, sizeof(x));
    return x;
}

/* Bytes 1 and 3, sign-extended to halfwords. */
static inline int16x2_t dsp_odd_bytes(int32_t x)
{
    return __sxtb16((int32_t)((uint32_t)x >> 8 | (uint32_t)x << 24));
}

/* The short way: `doubled` is twice the accumulator without its bias. */
static inline int8_t dsp_requantize_fast(uint32_t doubled, const dsp_channel *c)
{
    int32_t t = (int32_t)(doubled + (uint32_t)c->bias);
    uint64_t wide = (uint64_t)((int64_t)t * c->multiplier) + ((uint64_t)(uint32_t)c->offset << 32) + (1u << 31);
    int32_t x = (int32_t)((uint32_t)(wide >> 32) + (uint32_t)(t >> 31));
    return (int8_t)groat_clamp(x >> dsp_shift(c), INT8_MIN, INT8_MAX);
}

/* The shortest way: 256 times the accumulator without its bias; the packer has compared all outputs. */
static inline int8_t dsp_requantize_short(uint32_t acc_256, const dsp_channel *c)
{
    int32_t t = (int32_t)(acc_256 + (uint32_t)c->bias);
    uint64_t wide = (uint64_t)((int64_t)t * c->multiplier) + ((uint64_t)(uint32_t)c->offset << 32);
    return (int8_t)groat_clamp((int32_t)(wide >> 32) >> 12, INT8_MIN, INT8_MAX);
}

/* Any accumulator without its bias, any channel, whichever way its constants are folded. */
static inline int8_t dsp_requantize(uint32_t acc, const dsp_channel *c, int fast, int32_t zero_point, int32_t act_min,
                                    int32_t act_max)
{
    acc += (uint32_t)(fast ? c->bias >> 1 : c->bias);
    int32_t y = groat_requantize((int32_t)acc, c->multiplier, fast ? -dsp_shift(c) : dsp_shift(c));
    return (int8_t)groat_clamp(groat_add_wrap(y, zero_point), act_min, act_max);
}

/* Nothing that a requantisation of this channel could be undefined for. */
static inline int dsp_channel_valid(const dsp_channel *c, int fast)
{
    /* Right by 1 to 31 bits, or by -31 to 30 to the left. */
    uint32_t shift = (uint32_t)dsp_shift(c);
    return c->multiplier >= 0 && (fast ? shift - 1u <= 30u : shift + 31u <= 61u);
}

/* What one kernel has another one do. */
void groat_conv_s8_dsp(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);
int groat_conv_s8_needs_dsp(const groat_conv_s8 *k, groat_needs *needs);
int groat_conv_s8_check_dsp(const groat_conv_s8 *k);

/* Layouts of convolutions: for each kind of weights one for each width of a block, from three pixels down to one. */
enum {
    DSP_CONV_WIDE = 3, /* the first whose weights lie widened to 16 bits, two words for each half of a quad */
    DSP_CONV_WINOGRAD4 = 6, /* filters transformed for F(4x4, 3x3), see winograd_s8.c */
    DSP_CONV_WINOGRAD2 = 7, /* for F(2x2, 3x3) */
    DSP_CONV_LAYOUTS = 8
};

/* A block of one to three pixels, widened to 16 bits, against pairs of channels. */
typedef struct dsp_block {
    const int32_t *panel; /* for each half of a quad, a word of each pixel */
    const int32_t *panel_end;
    const dsp_channel *channels;
    int8_t *out;
    uint32_t out_stride;
    const int32_t *weights;
    uint32_t quads;
} dsp_block;

/* Computes pairs up to the one that ends the run; returns the channel behind it. */
const dsp_channel *groat_dsp_block1(const dsp_block *block);
const dsp_channel *groat_dsp_block2(const dsp_block *block);
const dsp_channel *groat_dsp_block3(const dsp_block *block);

/* The same where pairs are DSP_SHORT. */
const dsp_channel *groat_dsp_short_block1(const dsp_block *block);
const dsp_channel *groat_dsp_short_block2(const dsp_block *block);
const dsp_channel *groat_dsp_short_block3(const dsp_block *block);

/* The same for weights that lie widened, at twice the words. */
const dsp_channel *groat_dsp_wide1(const dsp_block *block);
const dsp_channel *groat_dsp_wide2(const dsp_block *block);
const dsp_channel *groat_dsp_wide3(const dsp_block *block);
const dsp_channel *groat_dsp_short_wide1(const dsp_block *block);
const dsp_channel *groat_dsp_short_wide2(const dsp_block *block);
const dsp_channel *groat_dsp_short_wide3(const dsp_block *block);

/* Winograd's F(4x4, 3x3) and F(2x2, 3x3): all output channels of a strip of four or two rows (winograd_s8.c). */
void groat_dsp_winograd4(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);
void groat_dsp_winograd2(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);

/* Widens `quads` times four bytes of each pixel to the places of one panel; returns where the next one goes. */
int32_t *groat_dsp_widen1(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads);
int32_t *groat_dsp_widen2(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads);
int32_t *groat_dsp_widen3(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads);

enum {
    DSP_WINOGRAD_QUADS = 16, /* the most quads of input channels */
    DSP_WINOGRAD4_PLACES = 36, /* of a transformed tile */
    DSP_WINOGRAD2_PLACES = 16
};

/* Two tiles of 6x6 or 4x4 inputs, transformed, against two output channels, and the 4x4 or 2x2 outputs of each. */
typedef struct dsp_tiles {
    const int32_t *weights; /* of the pair: for each place and quad two words of each channel */
    const int32_t *inputs; /* for each place and quad two words of each tile */
    int32_t *sums; /* room for each place: two channels of two tiles */
    uint32_t quads;
    const dsp_channel *channels;
    int8_t *out[2]; /* of each tile */
    uint32_t out_stride;
    uint32_t out_row_stride;
    const int32_t *sums_end;
} dsp_tiles;

/* Transforms `quads` times four channels of a tile whose rows start `at` bytes into `rows`. */
void groat_dsp_winograd4_inputs(const int8_t *const *rows, uint32_t at, uint32_t pixel_stride, int32_t *to,
                                uint32_t quads);
void groat_dsp_winograd4_outputs(const dsp_tiles *tiles);
void groat_dsp_winograd2_inputs(const int8_t *const *rows, uint32_t at, uint32_t pixel_stride, int32_t *to,
                                uint32_t quads);
void groat_dsp_winograd2_outputs(const dsp_tiles *tiles);
void groat_dsp_winograd_products(const dsp_tiles *tiles);

/* Four channels at a time of depthwise convolutions.  `stream` holds, for each four channels, a word of weights for
 * each tap of each row, and the channels' constants. */
typedef struct dsp_pixels {
    const int8_t *const *rows;
    const int32_t *stream;
    int8_t *out;
    uint32_t at; /* of the first channel of the first pixel, in each row */
    uint32_t count;
    uint32_t pixel_stride;
    uint32_t out_stride;
    uint32_t tap_stride;
    uint32_t row_count;
    uint32_t taps;
} dsp_pixels;

/* The constants of each four channels, `step` words apart, are valid and their runs end. */
int groat_dsp_fours_valid(const groat_depthwise_s8 *k, const int32_t *first, uint32_t step);

/* Any filter, and filters of 3x3.  They compute fours up to the one that ends the run. */
void groat_dsp_depthwise(const dsp_pixels *pixels);
void groat_dsp_depthwise3x3(const dsp_pixels *pixels);

#endif
