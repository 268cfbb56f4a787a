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

/* The gradient of the biases: the sum of dy over its pixels, in float32 from the first on, since with a large loss scale
 * a few of them are more than float16 holds. */
static inline void bias_gradient(const uint16_t *dy, uint32_t pixels, uint32_t stride, uint32_t channels, float alpha,
                                 float beta, float *db)
{
    for (uint32_t o = 0; o < channels; o += HALVES) {
        const uint32_t count = channels - o < HALVES ? channels - o : HALVES;
        const mve_pred16_t lanes = vctp16q(count);
        const uint16_t *from = dy + o;
        float32x4_t even = vdupq_n_f32(0.0f), odd = even;
        for (uint32_t p = pixels; p > 0; p--, from += stride) {
            const float16x8_t each = halves_of(count == HALVES ? vldrhq_u16(from) : vldrhq_z_u16(from, lanes));
            even = vaddq_f32(even, vcvtbq_f32_f16(each));
            odd = vaddq_f32(odd, vcvttq_f32_f16(each));
        }
        float sums[2][HALVES / 2];
        vstrwq_f32(sums[0], even);
        vstrwq_f32(sums[1], odd);
        for (uint32_t c = 0; c < count; c++) {
            db[o + c] = groat_blend(alpha, sums[c % 2][c / 2], beta, db[o + c]);
        }
    }
}

#endif
