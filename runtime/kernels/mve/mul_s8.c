/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two arrays of different scales, eight elements at a time.
 *
 * Differences from zero points have 9 bits and their products 17 and a sign: scaled down they fit 16 bits with the zero
 * point, so nothing saturates or wraps there.  What is not scaled down goes by fours, in 32 bits.
 */
#include <arm_mve.h>

#include "vectors.h"

enum {
    AT_ONCE = 8
};

/* The shift is below zero; VRSHL rounds ties up, so negative numbers get one less first. */
static inline int32x4_t rescale_down(int32x4_t x, int32_t multiplier, int32_t shift)
{
    x = vqrdmulhq_n_s32(x, multiplier);
    return vrshlq_n_s32(vaddq_s32(x, vshrq_n_s32(x, 31)), shift);
}

static INLINE int16x8_t eight(const groat_mul_s8 *k, int16x8_t x, int16x8_t y)
{
    x = vaddq_n_s16(x, (int16_t)-k->a_zero_point);
    y = vaddq_n_s16(y, (int16_t)-k->b_zero_point);
    int32x4_t even = rescale_down(vmullbq_int_s16(x, y), k->multiplier, k->shift);
    int32x4_t odd = rescale_down(vmulltq_int_s16(x, y), k->multiplier, k->shift);
    /* The lower halves of the even ones are where they belong. */
    int16x8_t z = vqmovntq_s32(vreinterpretq_s16_s32(even), odd);
    z = vaddq_n_s16(z, (int16_t)k->output_zero_point);
    return vminq_s16(vmaxq_s16(z, vdupq_n_s16((int16_t)k->act_min)), vdupq_n_s16((int16_t)k->act_max));
}

static void multiply_down(const groat_mul_s8 *arguments, const int8_t *a, uint32_t a_step, const int8_t *b,
                          uint32_t b_step, int8_t *out, uint32_t count)
{
    const groat_mul_s8 k = *arguments; /* a copy, which writing to `out` cannot change */
    for (uint32_t n = count / AT_ONCE; n > 0; n--) {
        vstrbq_s16(out, eight(&k, vldrbq_s16(a), vldrbq_s16(b)));
        a += AT_ONCE * a_step;
        b += AT_ONCE * b_step;
        out += AT_ONCE;
    }
    const mve_pred16_t lanes = vctp16q(count % AT_ONCE);
    vstrbq_p_s16(out, eight(&k, vldrbq_z_s16(a, lanes), vldrbq_z_s16(b, lanes)), lanes);
}

/* A shift of 0 or more: what goes over wraps, but for the one product that saturates. */
static void multiply_up(const groat_mul_s8 *arguments, const int8_t *a, uint32_t a_step, const int8_t *b,
                        uint32_t b_step, int8_t *out, uint32_t count)
{
    const groat_mul_s8 k = *arguments;
    const int32x4_t low = vdupq_n_s32(k.act_min), high = vdupq_n_s32(k.act_max);
    for (int32_t left = (int32_t)count; left > 0; left -= 4) {
        mve_pred16_t lanes = vctp32q((uint32_t)left);
        int32x4_t x = vaddq_n_s32(vldrbq_z_s32(a, lanes), -k.a_zero_point);
        int32x4_t y = vaddq_n_s32(vldrbq_z_s32(b, lanes), -k.b_zero_point);
        int32x4_t z = vqrdmulhq_n_s32(vshlq_r_s32(vmulq_s32(x, y), k.shift), k.multiplier);
        z = vaddq_n_s32(z, k.output_zero_point);
        vstrbq_p_s32(out, vminq_s32(vmaxq_s32(z, low), high), lanes);
        a += 4 * a_step;
        b += 4 * b_step;
        out += 4;
    }
}

void groat_mul_s8_mve(const groat_mul_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    /* What does not move on is read eight times over instead. */
    int8_t spread[2][AT_ONCE];
    if (count == 0) {
        return;
    }
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        spread[0][i] = *a;
        spread[1][i] = *b;
    }
    a = a_step ? a : spread[0];
    b = b_step ? b : spread[1];
    if (k->shift < 0) {
        multiply_down(k, a, a_step, b, b_step, out, count);
    } else {
        multiply_up(k, a, a_step, b, b_step, out, count);
    }
}
