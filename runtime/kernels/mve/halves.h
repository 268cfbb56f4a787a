/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of float16 share: vectors of eight.
 */
#ifndef GROAT_MVE_HALVES_H
#define GROAT_MVE_HALVES_H

#include <arm_mve.h>

#include "../half.h"

enum {
    HALVES = 8, /* of a vector */
    CHUNK = 16  /* terms that are summed in float16, at most */
};

static inline float16x8_t halves_of(uint16x8_t bits)
{
    return vreinterpretq_f16_u16(bits);
}

static inline float16x8_t halves_at(const uint16_t *from)
{
    return halves_of(vldrhq_u16(from));
}

static inline float16x8_t narrowed(float32x4_t even, float32x4_t odd)
{
    return vcvttq_f16_f32(vcvtbq_f16_f32(vuninitializedq_f16(), even), odd);
}

/* Adds a sum of float16 to one of float32: the even lanes, and the odd ones. */
static inline void add_chunk(float32x4x2_t *sums, float16x8_t chunk)
{
    sums->val[0] = vaddq_f32(sums->val[0], vcvtbq_f32_f16(chunk));
    sums->val[1] = vaddq_f32(sums->val[1], vcvttq_f32_f16(chunk));
}

static inline int all_finite(float32x4_t a, float32x4_t b)
{
    const float32x4_t sum = vaddq_f32(a, b);
    return vcmpeqq_f32(vsubq_f32(sum, sum), vdupq_n_f32(0.0f)) == 0xffff;
}

/* `a` where it is finite, `b` elsewhere. */
static inline float32x4_t finite_or(float32x4_t a, float32x4_t b)
{
    return vpselq_f32(a, b, vcmpeqq_f32(vsubq_f32(a, a), vdupq_n_f32(0.0f)));
}

#endif
