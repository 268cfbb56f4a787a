/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int8, sixteen elements at a time.
 *
 * There is no division; a product with the reciprocal is off by at most two units in the last place, which is less than
 * IN_DOUBT for quotients below 256, and larger ones saturate.  Where a quotient comes so near to a tie that this might
 * decide, or is none, the portable kernel computes all sixteen.
 */
#include "scale.h"

/* Cores may have Helium for integers alone. */
#if !defined(__ARM_FEATURE_MVE) || (__ARM_FEATURE_MVE & 2)

#include <arm_mve.h>

#define IN_DOUBT 1e-4f

enum {
    AT_ONCE = 16
};

typedef union single {
    float number;
    uint32_t bits;
} single;

/* Rounded quotients of four elements, and in `doubt` how far they were from them: it only grows, and is largest for what
 * is not a number. */
static inline int32x4_t quotients(float32x4_t x, float reciprocal, uint32x4_t *doubt)
{
    x = vmulq_n_f32(x, reciprocal);
    int32x4_t y = vcvtaq_s32_f32(x);
    *doubt = vmaxq_u32(*doubt, vreinterpretq_u32_f32(vabdq_f32(x, vcvtq_f32_s32(y))));
    return y;
}

void groat_quantize_f32_s8_mve(const groat_quantize_s8 *k, const float *in, int8_t *out, uint32_t count)
{
    /* Scales and reciprocals from 2^-100 to 2^100: numbers too small to be told from zero have quotients like that. */
    const uint32_t least = (127 - 100) << 23, most = (127 + 100) << 23;
    if (k->scale < least || k->scale > most) {
        groat_quantize_f32_s8_ref(k, in, out, count);
        return;
    }
    const single scale = {.bits = k->scale}, limit = {.number = 0.5f - IN_DOUBT};
    const float reciprocal = 1.0f / scale.number;
    const int16_t zero_point = (int16_t)k->zero_point;
    for (; count >= AT_ONCE; count -= AT_ONCE, in += AT_ONCE, out += AT_ONCE) {
        float32x4x4_t x = vld4q_f32(in);
        uint32x4_t doubt = vdupq_n_u32(0);
        int32x4_t a = quotients(x.val[0], reciprocal, &doubt), b = quotients(x.val[1], reciprocal, &doubt);
        int32x4_t c = quotients(x.val[2], reciprocal, &doubt), d = quotients(x.val[3], reciprocal, &doubt);
        if (vcmphiq_n_u32(doubt, limit.bits) != 0) {
            groat_quantize_f32_s8_ref(k, in, out, AT_ONCE);
            continue;
        }
        /* Elements 0, 2 and 1, 3 of each four side by side, then all of them. */
        int16x8_t even = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), a), c);
        int16x8_t odd = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), b), d);
        int8x16_t y = vqmovnbq_s16(vuninitializedq_s8(), vqaddq_n_s16(even, zero_point));
        vstrbq_s8(out, vqmovntq_s16(y, vqaddq_n_s16(odd, zero_point)));
    }
    if (count > 0) {
        groat_quantize_f32_s8_ref(k, in, out, count);
    }
}

#else

void groat_quantize_f32_s8_mve(const groat_quantize_s8 *k, const float *in, int8_t *out, uint32_t count)
{
    groat_quantize_f32_s8_ref(k, in, out, count);
}

#endif
