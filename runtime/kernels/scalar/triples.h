/* SPDX-License-Identifier: Apache-2.0
 *
 * Three pixels in two multiplications: what the C of triples_s8.c and the assembly of triples_riscv.c share.
 *
 * Two words hold the inputs of three pixels, x0 + x2 * 2^21 and x1 + x2 * 2^10.  Products of them with weights are added
 * up modulo 2^32; together the two sums tell the sums of the three pixels, as long as each of those fits 21 bits: the
 * host has proven for how many products they do, whatever the input.
 */
#ifndef GROAT_SCALAR_TRIPLES_H
#define GROAT_SCALAR_TRIPLES_H

#include "scalar.h"

#define LANES 8u /* channels in a block of weights */
#define QUAD 4u  /* channels computed together */
#define FIELD_BITS 21
#define FIELD_SHIFT 10
#define MIDDLE (1u << (FIELD_BITS - 1))
#define MAX_WORDS 4u
#define MAX_PIXELS 6u
/* Channels that go through all passes together, as sums are kept for each of them in between. */
#define GROAT_SCALAR_BLOCK 32u

/* Assembly computes six pixels; where there are fewer registers, three are enough. */
#if defined(__arm__)
#define SIX_PIXELS 0
#else
#define SIX_PIXELS 1
#endif
/* Quads of channels over one pass: the assembly knows the places of the fields, and changes w, step and kept. */
typedef struct groat_scalar_quads {
    const uint32_t *z;      /* packed inputs, two words or four for each product */
    const uint32_t *fours;  /* as many as make whole groups of four products end here */
    const uint32_t *end;
    const int8_t *w;
    uint32_t step;          /* from this quad's weights to the next one's, and the two steps of a block together */
    uint32_t steps;
    const groat_scalar_channel *channel;
    const groat_scalar_channel *channels_end;
    uint32_t *kept;         /* sums as they are, before and after: for each channel as many as words */
    int32_t begins;         /* not with what was kept, but with the bias */
    int32_t keeps;          /* else the sums are made outputs of */
    int32_t low, high, rectified;
    uint32_t out_stride;
    int8_t *out;
} groat_scalar_quads;

/* How the products of a convolution are divided. */
typedef struct groat_scalar_passes {
    uint32_t length;    /* products of a pass, whose inputs are packed at a time */
    uint32_t group;     /* products whose sums fit their fields */
    int folds;          /* so do all a proven channel's with its bias, and its shift is at most 14 */
} groat_scalar_passes;

groat_scalar_passes groat_scalar_passes_of(const groat_conv_s8 *k);

/* Of how many channels sums are kept from pass to pass, or from a quad's products to its outputs. */
static inline uint32_t groat_scalar_kept(const groat_conv_s8 *k, int several)
{
    uint32_t all = (k->channels_out + QUAD - 1) / QUAD * QUAD;
    return !several ? QUAD : all < GROAT_SCALAR_BLOCK ? all : GROAT_SCALAR_BLOCK;
}

static inline uint64_t groat_scalar_depth(const groat_conv_s8 *k)
{
    return (uint64_t)k->rows * k->taps * k->run;
}

/* Whether proven channels take one shift: nothing but their bias is added, and the clamp is around the zero point. */
static inline int groat_scalar_is_simple(const groat_conv_s8 *k)
{
    return k->acc_offset == 0 && groat_scalar_simple(k->act_min, k->output_zero_point, k->act_max);
}

/* Any channel, its bias added: `count` pixels of it. */
void groat_scalar_finish(const groat_conv_s8 *k, const groat_scalar_channel *c, const uint32_t *sums, uint32_t count,
                         int8_t *out);

/* As many of the pixels, three or six at a time, as is worth it; how many are done. */
uint32_t groat_scalar_triples(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);

#if GROAT_SCALAR_RISCV || GROAT_SCALAR_ARM
void groat_scalar_quads_of_three(groat_scalar_quads *q);
#endif
#if GROAT_SCALAR_RISCV
void groat_scalar_quads_of_six(groat_scalar_quads *q);

/* The products of one pixel's inputs, up to `end`, with two blocks of channels, added to 16 sums. */
void groat_scalar_run(const int8_t *x, const int8_t *end, const int8_t *w, const int8_t *next_w, uint32_t *sums);
#endif

#endif
