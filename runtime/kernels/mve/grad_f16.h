/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of gradients of float16 share: how sums are added to what is there.
 */
#ifndef GROAT_MVE_GRAD_F16_H
#define GROAT_MVE_GRAD_F16_H

#include "../grad.h"
#include "halves.h"

/* How sums are added to what is there: alpha times them and beta times that.  With beta 0 it does not matter what it is. */
typedef struct blending {
    float alpha;
    float beta;
    uint32_t adds; /* beta is not 0 */
} blending;

static inline blending blending_of(float alpha, float beta)
{
    return (blending){alpha, beta, beta != 0.0f};
}

static inline uint16x8_t blended(const blending *b, uint16x8_t there, float32x4_t even, float32x4_t odd)
{
    const float32x4_t alpha = vdupq_n_f32(b->alpha), beta = vdupq_n_f32(b->beta);
    const float16x8_t y = halves_of(there);
    even = vfmaq_f32(vmulq_f32(even, alpha), vcvtbq_f32_f16(y), beta);
    odd = vfmaq_f32(vmulq_f32(odd, alpha), vcvttq_f32_f16(y), beta);
    return vreinterpretq_u16_f16(narrowed(even, odd));
}

static inline void blend_some(const blending *b, uint16_t *to, float32x4_t even, float32x4_t odd, uint32_t count)
{
    const mve_pred16_t lanes = vctp16q(count);
    vstrhq_p_u16(to, blended(b, b->adds ? vldrhq_z_u16(to, lanes) : vdupq_n_u16(0), even, odd), lanes);
}

static inline void blend_all(const blending *b, uint16_t *to, float32x4_t even, float32x4_t odd)
{
    vstrhq_u16(to, blended(b, b->adds ? vldrhq_u16(to) : vdupq_n_u16(0), even, odd));
}

/* Sums of `pixels` pixels of eight channels, or of as many as `lanes` are: of `chunk` of them in float16, then in float32. */
static inline void pixel_sums(const uint16_t *from, uint32_t pixels, uint32_t stride, mve_pred16_t lanes,
                              uint32_t chunk, float sums[2][HALVES / 2])
{
    float32x4_t even = vdupq_n_f32(0.0f), odd = even;
    for (uint32_t left = pixels; left > 0;) {
        const uint32_t some = left < chunk ? left : chunk;
        float16x8_t sum = halves_of(vdupq_n_u16(0));
        left -= some;
        for (uint32_t p = some; p > 0; p--, from += stride) {
            sum = vaddq_f16(sum, halves_of(vldrhq_z_u16(from, lanes)));
        }
        even = vaddq_f32(even, vcvtbq_f32_f16(sum));
        odd = vaddq_f32(odd, vcvttq_f32_f16(sum));
    }
    vstrwq_f32(sums[0], even);
    vstrwq_f32(sums[1], odd);
}

/* The gradient of the biases: the sum of dy over its pixels.  With a large loss scale a few of them may be more than
 * float16 holds: such sums are made again in float32. */
static inline void bias_gradient(const uint16_t *dy, uint32_t pixels, uint32_t stride, uint32_t channels, float alpha,
                                 float beta, float *db)
{
    for (uint32_t o = 0; o < channels; o += HALVES) {
        const uint32_t count = channels - o < HALVES ? channels - o : HALVES;
        const mve_pred16_t lanes = vctp16q(count);
        float sums[2][HALVES / 2];
        pixel_sums(dy + o, pixels, stride, lanes, CHUNK, sums);
        uint32_t overflows = 0;
        for (uint32_t c = 0; c < count; c++) {
            overflows |= (groat_bits_of(sums[c % 2][c / 2]) & 0x7f800000u) == 0x7f800000u;
        }
        if (overflows) {
            pixel_sums(dy + o, pixels, stride, lanes, 1, sums);
        }
        for (uint32_t c = 0; c < count; c++) {
            db[o + c] = groat_blend(alpha, sums[c % 2][c / 2], beta, db[o + c]);
        }
    }
}

#endif
