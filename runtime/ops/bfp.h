/* SPDX-License-Identifier: Apache-2.0
 *
 * Block floating point: int16 mantissas that share an exponent, an int32 tensor of its own; value = mantissa * 2^exponent.
 * Nothing here computes with floats: where one is read or written, its bits are (docs/NUMERICS.md).
 */
#ifndef GROAT_OPS_BFP_H
#define GROAT_OPS_BFP_H

#include "../kernels/float.h"
#include "window.h"

enum {
    GROAT_BFP_NOT_FINITE = INT32_MAX, /* the exponent of a tensor that holds what is infinite or no number */
    GROAT_BFP_EXPONENT_MAX = 512,
    GROAT_BFP_BITS_MIN = 4, /* of the magnitude of a mantissa */
    GROAT_BFP_BITS_MAX = 15,
    GROAT_BFP_SUM_BITS = 30 /* that aligned biases are clamped to */
};

/* ---- Integers ---------------------------------------------------------------------------------------- */

static inline uint32_t groat_magnitude(int32_t x)
{
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

/* How many bits a number has: 0 for 0. */
static inline uint32_t groat_bit_length(uint32_t x)
{
    return x == 0 ? 0 : 32u - (uint32_t)__builtin_clz(x);
}

/* x / 2^shift, halves away from zero; shift 0 to 31. */
static inline uint32_t groat_shift_rounded(uint32_t x, uint32_t shift)
{
    return shift == 0 ? x : ((x >> (shift - 1u)) + 1u) >> 1;
}

static inline int32_t groat_with_sign(uint32_t magnitude, int32_t sign)
{
    return sign < 0 ? -(int32_t)magnitude : (int32_t)magnitude;
}

/* x / 2^shift as a mantissa of so many bits: halves away from zero, clamped. */
static inline int16_t groat_mantissa(int32_t x, uint32_t shift, uint32_t bits)
{
    uint32_t y = groat_shift_rounded(groat_magnitude(x), shift);
    const uint32_t most = (1u << bits) - 1u;
    return (int16_t)groat_with_sign(y < most ? y : most, x);
}

/* ---- Exponents --------------------------------------------------------------------------------------- */

/* What is out of range is not finite. */
static inline int32_t groat_exponent_in_range(int32_t e)
{
    return e >= -GROAT_BFP_EXPONENT_MAX && e <= GROAT_BFP_EXPONENT_MAX ? e : GROAT_BFP_NOT_FINITE;
}

static inline int32_t groat_exponent_in(const groat_call *call, uint32_t input)
{
    return groat_exponent_in_range(*(const int32_t *)groat_in(call, input));
}

static inline int groat_check_bits(uint32_t bits)
{
    GROAT_REQUIRE(bits >= GROAT_BFP_BITS_MIN && bits <= GROAT_BFP_BITS_MAX);
    return GROAT_OK;
}

/* ---- Products ---------------------------------------------------------------------------------------- */

/* Sums wrap around where mantissas have more bits than was planned with. */
static inline uint32_t groat_dot_bfp16(const int16_t *a, const int16_t *b, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (uint32_t)((int32_t)a[i] * b[i]);
    }
    return sum;
}

/* sum[i] += factor * x[i] */
static inline void groat_axpy_bfp16(int32_t *sum, const int16_t *x, int32_t factor, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sum[i] = (int32_t)((uint32_t)sum[i] + (uint32_t)(factor * x[i]));
    }
}

/* Mantissas of so many bits from sums, and their exponent: `exponent` is that of the sums. */
void groat_bfp_from_sums(const int32_t *sums, uint32_t count, int32_t exponent, uint32_t bits, int16_t *y, int32_t *ye);

/* A tensor that holds what is not finite. */
void groat_bfp_not_finite(int16_t *y, uint32_t count, int32_t *ye);

/* ---- Windows ----------------------------------------------------------------------------------------- */

/* The taps of a window that lie inside the image, as runs of elements: `rows` times `runs` of them. */
typedef struct groat_bfp_taps {
    uint32_t x;          /* the first element in the image */
    uint32_t w;          /* and in a filter */
    uint32_t rows;
    uint32_t runs;       /* in a row */
    uint32_t length;     /* of a run */
    uint32_t x_row;      /* from one row to the next; */
    uint32_t w_row;
    uint32_t x_run;      /* from one run to the next */
} groat_bfp_taps;

groat_bfp_taps groat_bfp_taps_at(const groat_window *w, uint32_t oy, uint32_t ox);

/* What a convolution's three ops check alike: window, channels, and tensors of x and y at these places of the call. */
int groat_check_bfp_window(const groat_call *call, const groat_window *w, uint32_t out_c, uint32_t x, uint32_t y);

/* Elements of all images, and of a filter. */
static inline uint64_t groat_bfp_inputs(const groat_window *w)
{
    return (uint64_t)w->batches * w->in_h * w->in_w * w->in_c;
}

static inline uint64_t groat_bfp_outputs(const groat_window *w, uint32_t out_c)
{
    return (uint64_t)w->batches * w->out_h * w->out_w * out_c;
}

static inline uint32_t groat_bfp_filter(const groat_window *w)
{
    return (uint32_t)w->kernel_h * w->kernel_w * w->in_c;
}

/* Scratch for as many sums. */
static inline uint32_t groat_bfp_scratch_bytes(uint64_t sums)
{
    return sums < UINT32_MAX / sizeof(int32_t) ? (uint32_t)(sums * sizeof(int32_t)) : UINT32_MAX;
}

/* ---- Bits of float32 --------------------------------------------------------------------------------- */

/* The float32 next to magnitude * 2^exponent, halves away from zero; 0 where it would be subnormal. */
uint32_t groat_float_bits(uint32_t magnitude, int32_t exponent);

/* ---- Softmax ----------------------------------------------------------------------------------------- */

/* Of a row of logits. */
typedef struct groat_bfp_row {
    const int16_t *logits;
    uint32_t count;
    int32_t exponent;
    int32_t most;
    uint32_t sum; /* of all powers */
} groat_bfp_row;

groat_bfp_row groat_bfp_row_of(const int16_t *logits, uint32_t count, int32_t exponent);

/* log2(e) times what logit i is below the largest, Q16, at most 2^30. */
uint32_t groat_bfp_below(const groat_bfp_row *row, uint32_t i);

/* 2^-x, Q16; x is Q16, too. */
uint32_t groat_exp2(uint32_t x);

/* The softmax of logit i, Q15. */
uint32_t groat_bfp_share(const groat_bfp_row *row, uint32_t i);

#endif
