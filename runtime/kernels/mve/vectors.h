/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantisation in vectors of four, and their way back to bytes.
 */
#ifndef GROAT_MVE_VECTORS_H
#define GROAT_MVE_VECTORS_H

#include <arm_mve.h>

#include "scale.h"

/* Kinds and counts of pixels are constants to it; a compiler that shares the code would look at them each time. */
#define INLINE inline __attribute__((always_inline))

/* groat_requantize of four lanes, and the zero point.  VQRDMULH is groat_mul_high; VRSHL rounds ties up, so where it
 * shifts right, negative numbers get one less first.  Those of SCALE_BYTES need not, as whatever is below zero ends as
 * the lowest output, nor have they a zero point; others get it in 32 bits, as their sum may wrap.  Nothing saturates: a
 * multiplier below 2^31 leaves no INT32_MIN. */
static INLINE int32x4_t requantize(int32x4_t x, int32x4_t multiplier, int32x4_t shift, const groat_scaling *s,
                                   uint32_t kind)
{
    int32x4_t right = shift;
    if (kind == SCALE_GENERAL) {
        int32x4_t zero = vdupq_n_s32(0);
        right = vminq_s32(shift, zero);
        x = vshlq_s32(x, vmaxq_s32(shift, zero));
    }
    x = vqrdmulhq_s32(x, multiplier);
    if (kind == SCALE_BYTES) {
        return vrshlq_s32(x, right);
    }
    x = vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31));
    return vaddq_n_s32(vrshlq_s32(x, right), s->zero_point);
}

/* Pairs of numbers saturated to 16 bits: `a` in the even lanes, `b` in the odd ones. */
static INLINE int16x8_t join(int32x4_t a, int32x4_t b, uint32_t kind)
{
    if (kind == SCALE_BYTES) {
        uint16x8_t y = vqmovunbq_s32(vuninitializedq_u16(), a);
        return vreinterpretq_s16_u16(vqmovuntq_s32(y, b));
    }
    return vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), a), b);
}

/* Outputs from 16-bit numbers: `a` in the even bytes, `b` in the odd ones. */
static INLINE int8x16_t finish(int16x8_t a, int16x8_t b, const groat_scaling *s, uint32_t kind)
{
    if (kind == SCALE_BYTES) {
        uint8x16_t y = vqmovnbq_u16(vuninitializedq_u8(), vreinterpretq_u16_s16(a));
        y = vqmovntq_u16(y, vreinterpretq_u16_s16(b));
        return vreinterpretq_s8_u8(veorq_u8(y, vdupq_n_u8(0x80)));
    }
    int8x16_t y = vqmovntq_s16(vqmovnbq_s16(vuninitializedq_s8(), a), b);
    return vminq_s8(vmaxq_s8(y, vdupq_n_s8((int8_t)s->act_min)), vdupq_n_s8((int8_t)s->act_max));
}

#endif
