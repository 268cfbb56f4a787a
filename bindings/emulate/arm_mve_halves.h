/* SPDX-License-Identifier: Apache-2.0
 *
 * Helium on any machine: float16, and float32 beside it; included by arm_mve.h.  Vectors compute with subnormal numbers of
 * 16 bits, but those of 32 bits are zero to them, before and after.
 */
#ifndef GROAT_EMULATE_ARM_MVE_HALVES_H
#define GROAT_EMULATE_ARM_MVE_HALVES_H

#include "../../runtime/kernels/fma.h"
#include "../../runtime/kernels/half.h"

#define MVE_EACH(type, name, arguments, count, value) \
    static inline type name arguments                 \
    {                                                 \
        type v;                                       \
        for (int i = 0; i < (count); i++) {           \
            v.lane[i] = value;                        \
        }                                             \
        return v;                                     \
    }

/* As double holds it, rounded to 16 bits once: on the way to float to odd, of the two around it to that whose last bit is
 * set. */
static inline uint16_t mve_half_of_double(double x)
{
    float y = (float)x;
    uint32_t bits = groat_bits_of(y);
    if (y == y && (double)y != x && bits % 2 == 0) {
        double size = x < 0 ? -x : x, near = y < 0 ? -(double)y : (double)y;
        bits += near < size ? 1u : UINT32_MAX;
    }
    return groat_half_of(groat_float_of(bits));
}

/* The product is exact in double, and the sum has so many bits more than it takes to tell a tie that rounding it to double
 * does no harm. */
static inline uint16_t mve_half_fma(uint16_t a, uint16_t b, uint16_t c)
{
    return mve_half_of_double((double)groat_float_of_half(a) * groat_float_of_half(b) + groat_float_of_half(c));
}

static inline float mve_flushed(float x)
{
    uint32_t bits = groat_bits_of(x);
    return (bits & 0x7f800000u) == 0 ? groat_float_of(bits & 0x80000000u) : x;
}

static inline float mve_fma(float a, float b, float c)
{
    return mve_flushed(groat_fma(mve_flushed(a), mve_flushed(b), mve_flushed(c)));
}

/* ---- float16 ---- */

MVE_EACH(float16x8_t, vreinterpretq_f16_u16, (uint16x8_t a), 8, a.lane[i])
MVE_EACH(uint16x8_t, vreinterpretq_u16_f16, (float16x8_t a), 8, a.lane[i])
MVE_EACH(uint16x8_t, vdupq_n_u16, (uint16_t a), 8, a)
MVE_EACH(uint16x8_t, vldrhq_u16, (const uint16_t *from), 8, from[i])
MVE_EACH(uint16x8_t, vldrhq_z_u16, (const uint16_t *from, mve_pred16_t p), 8,
         (uint16_t)(p >> (2 * i) & 1 ? from[i] : 0))
MVE_EACH(uint16x8_t, vldrhq_gather_shifted_offset_u16, (const uint16_t *from, uint16x8_t at), 8, from[at.lane[i]])
MVE_EACH(uint16x8_t, vldrhq_gather_shifted_offset_z_u16, (const uint16_t *from, uint16x8_t at, mve_pred16_t p), 8,
         (uint16_t)(p >> (2 * i) & 1 ? from[at.lane[i]] : 0))
MVE_EACH(uint32x4_t, vldrhq_gather_shifted_offset_z_u32, (const uint16_t *from, uint32x4_t at, mve_pred16_t p), 4,
         (uint32_t)(p >> (4 * i) & 1 ? from[at.lane[i]] : 0))
MVE_EACH(uint32x4_t, vldrhq_gather_shifted_offset_u32, (const uint16_t *from, uint32x4_t at), 4, from[at.lane[i]])
MVE_EACH(uint32x4_t, vldrhq_u32, (const uint16_t *from), 4, from[i])
MVE_EACH(uint32x4_t, vldrhq_z_u32, (const uint16_t *from, mve_pred16_t p), 4,
         (uint32_t)(p >> (4 * i) & 1 ? from[i] : 0))

static inline void vstrwq_scatter_shifted_offset_u32(uint32_t *to, uint32x4_t at, uint32x4_t v)
{
    for (int i = 0; i < 4; i++) {
        to[at.lane[i]] = v.lane[i];
    }
}

static inline void vstrhq_p_u16(uint16_t *to, uint16x8_t v, mve_pred16_t p)
{
    for (int i = 0; i < 8; i++) {
        if (p >> (2 * i) & 1) {
            to[i] = v.lane[i];
        }
    }
}

static inline void vstrhq_scatter_shifted_offset_p_u16(uint16_t *to, uint16x8_t at, uint16x8_t v, mve_pred16_t p)
{
    for (int i = 0; i < 8; i++) {
        if (p >> (2 * i) & 1) {
            to[at.lane[i]] = v.lane[i];
        }
    }
}

static inline void vstrhq_u16(uint16_t *to, uint16x8_t v)
{
    vstrhq_p_u16(to, v, 0xffff);
}

MVE_EACH(float16x8_t, vaddq_f16, (float16x8_t a, float16x8_t b), 8,
         groat_half_of(groat_float_of_half(a.lane[i]) + groat_float_of_half(b.lane[i])))
MVE_EACH(float16x8_t, vsubq_f16, (float16x8_t a, float16x8_t b), 8,
         groat_half_of(groat_float_of_half(a.lane[i]) - groat_float_of_half(b.lane[i])))
MVE_EACH(float16x8_t, vmulq_f16, (float16x8_t a, float16x8_t b), 8,
         groat_half_of(groat_float_of_half(a.lane[i]) * groat_float_of_half(b.lane[i])))
MVE_EACH(float16x8_t, vfmaq_f16, (float16x8_t sum, float16x8_t a, float16x8_t b), 8,
         mve_half_fma(a.lane[i], b.lane[i], sum.lane[i]))

#define MVE_COMPARE_HALVES(name, sign)                                                                        \
    static inline mve_pred16_t name(float16x8_t a, float16x8_t b)                                             \
    {                                                                                                         \
        uint32_t found = 0;                                                                                   \
        for (int i = 0; i < 8; i++) {                                                                         \
            found |= groat_float_of_half(a.lane[i]) sign groat_float_of_half(b.lane[i]) ? 3u << (2 * i) : 0u; \
        }                                                                                                     \
        return (mve_pred16_t)found;                                                                           \
    }
MVE_COMPARE_HALVES(vcmpleq_f16, <=)
MVE_COMPARE_HALVES(vcmpgtq_f16, >)
MVE_COMPARE_HALVES(vcmpeqq_f16, ==)

static inline mve_pred16_t vcmpgtq_m_f16(float16x8_t a, float16x8_t b, mve_pred16_t p)
{
    return vcmpgtq_f16(a, b) & p;
}

/* Where the predicate holds, `a`. */
MVE_EACH(float16x8_t, vpselq_f16, (float16x8_t a, float16x8_t b, mve_pred16_t p), 8,
         p >> (2 * i) & 1 ? a.lane[i] : b.lane[i])

/* ---- Between the two: of the even lanes, or the odd ones ---- */

MVE_EACH(float32x4_t, vcvtbq_f32_f16, (float16x8_t a), 4, groat_float_of_half(a.lane[2 * i]))
MVE_EACH(float32x4_t, vcvttq_f32_f16, (float16x8_t a), 4, groat_float_of_half(a.lane[2 * i + 1]))
MVE_EACH(float16x8_t, vcvtbq_f16_f32, (float16x8_t a, float32x4_t b), 8,
         i % 2 ? a.lane[i] : groat_half_of(mve_flushed(b.lane[i / 2])))
MVE_EACH(float16x8_t, vcvttq_f16_f32, (float16x8_t a, float32x4_t b), 8,
         i % 2 ? groat_half_of(mve_flushed(b.lane[i / 2])) : a.lane[i])

static inline float16x8_t vuninitializedq_f16(void)
{
    return vreinterpretq_f16_u16(vdupq_n_u16(0));
}

/* ---- float32 ---- */

MVE_EACH(float32x4_t, vdupq_n_f32, (float a), 4, a)
MVE_EACH(float32x4_t, vldrwq_f32, (const float *from), 4, from[i])
MVE_EACH(float32x4_t, vldrwq_z_f32, (const float *from, mve_pred16_t p), 4, p >> (4 * i) & 1 ? from[i] : 0.0f)
MVE_EACH(float32x4_t, vaddq_f32, (float32x4_t a, float32x4_t b), 4,
         mve_flushed(mve_flushed(a.lane[i]) + mve_flushed(b.lane[i])))
MVE_EACH(float32x4_t, vmulq_f32, (float32x4_t a, float32x4_t b), 4,
         mve_flushed(mve_flushed(a.lane[i]) * mve_flushed(b.lane[i])))
MVE_EACH(float32x4_t, vfmaq_f32, (float32x4_t sum, float32x4_t a, float32x4_t b), 4,
         mve_fma(a.lane[i], b.lane[i], sum.lane[i]))

MVE_EACH(float32x4_t, vsubq_f32, (float32x4_t a, float32x4_t b), 4,
         mve_flushed(mve_flushed(a.lane[i]) - mve_flushed(b.lane[i])))
MVE_EACH(float32x4_t, vpselq_f32, (float32x4_t a, float32x4_t b, mve_pred16_t p), 4,
         p >> (4 * i) & 1 ? a.lane[i] : b.lane[i])

static inline mve_pred16_t vcmpgtq_f32(float32x4_t a, float32x4_t b)
{
    uint32_t found = 0;
    for (int i = 0; i < 4; i++) {
        found |= mve_flushed(a.lane[i]) > mve_flushed(b.lane[i]) ? 0xfu << (4 * i) : 0u;
    }
    return (mve_pred16_t)found;
}

static inline mve_pred16_t vcmpeqq_f32(float32x4_t a, float32x4_t b)
{
    uint32_t found = 0;
    for (int i = 0; i < 4; i++) {
        found |= mve_flushed(a.lane[i]) == mve_flushed(b.lane[i]) ? 0xfu << (4 * i) : 0u;
    }
    return (mve_pred16_t)found;
}

static inline void vstrwq_p_f32(float *to, float32x4_t v, mve_pred16_t p)
{
    for (int i = 0; i < 4; i++) {
        if (p >> (4 * i) & 1) {
            to[i] = v.lane[i];
        }
    }
}

static inline void vstrwq_f32(float *to, float32x4_t v)
{
    vstrwq_p_f32(to, v, 0xffff);
}

/* Takes two vectors apart, and puts them together. */
static inline float32x4x2_t vld2q_f32(const float *from)
{
    float32x4x2_t v;
    for (int i = 0; i < 8; i++) {
        v.val[i % 2].lane[i / 2] = from[i];
    }
    return v;
}

static inline void vst2q_u32(uint32_t *to, uint32x4x2_t v)
{
    for (int i = 0; i < 8; i++) {
        to[i] = v.val[i % 2].lane[i / 2];
    }
}

#endif
