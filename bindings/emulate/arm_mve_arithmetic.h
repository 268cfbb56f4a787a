/* SPDX-License-Identifier: Apache-2.0
 *
 * Helium on any machine: arithmetic on integers.  Part of arm_mve.h.
 */
#ifndef GROAT_EMULATE_ARM_MVE_ARITHMETIC_H
#define GROAT_EMULATE_ARM_MVE_ARITHMETIC_H

#include "arm_mve_lanes.h"

static inline int32x4_t vdupq_n_s32(int32_t a)
{
    return (int32x4_t){{a, a, a, a}};
}

static inline int8x16_t vdupq_n_s8(int8_t a)
{
    int8x16_t v;
    for (int i = 0; i < 16; i++) {
        v.lane[i] = a;
    }
    return v;
}

static inline uint32x4_t vdupq_n_u32(uint32_t a)
{
    return (uint32x4_t){{a, a, a, a}};
}

static inline uint8x16_t vdupq_n_u8(uint8_t a)
{
    uint8x16_t v;
    for (int i = 0; i < 16; i++) {
        v.lane[i] = a;
    }
    return v;
}

static inline int16x8_t vdupq_n_s16(int16_t a)
{
    int16x8_t v;
    for (int i = 0; i < 8; i++) {
        v.lane[i] = a;
    }
    return v;
}

/* A vector is sixteen bytes, the lowest of each lane first. */
#define MVE_REINTERPRET(intrinsic, to, from) \
    static inline to intrinsic(from a)       \
    {                                        \
        to v;                                \
        __builtin_memcpy(&v, &a, sizeof v);  \
        return v;                            \
    }
MVE_REINTERPRET(vreinterpretq_s32_u32, int32x4_t, uint32x4_t)
MVE_REINTERPRET(vreinterpretq_u32_f32, uint32x4_t, float32x4_t)
MVE_REINTERPRET(vreinterpretq_u32_s32, uint32x4_t, int32x4_t)
MVE_REINTERPRET(vreinterpretq_s16_u16, int16x8_t, uint16x8_t)
MVE_REINTERPRET(vreinterpretq_u16_s16, uint16x8_t, int16x8_t)
MVE_REINTERPRET(vreinterpretq_s8_u8, int8x16_t, uint8x16_t)
MVE_REINTERPRET(vreinterpretq_u8_s8, uint8x16_t, int8x16_t)
MVE_REINTERPRET(vreinterpretq_s8_s32, int8x16_t, int32x4_t)
MVE_REINTERPRET(vreinterpretq_s16_s8, int16x8_t, int8x16_t)
MVE_REINTERPRET(vreinterpretq_s16_s32, int16x8_t, int32x4_t)

/* Of no value; here one that would be seen. */
#define MVE_UNINITIALIZED(intrinsic, vector)  \
    static inline vector intrinsic(void)      \
    {                                         \
        vector v;                             \
        __builtin_memset(&v, 0xa5, sizeof v); \
        return v;                             \
    }
MVE_UNINITIALIZED(vuninitializedq_u16, uint16x8_t)
MVE_UNINITIALIZED(vuninitializedq_s16, int16x8_t)
MVE_UNINITIALIZED(vuninitializedq_u8, uint8x16_t)
MVE_UNINITIALIZED(vuninitializedq_s8, int8x16_t)

/* The wider lanes of `b`, saturated, into the even (odd: 1) lanes of `a`. */
#define MVE_NARROW(intrinsic, narrow, wide, odd, lowest, highest)                                               \
    static inline narrow intrinsic(narrow a, wide b)                                                            \
    {                                                                                                           \
        for (unsigned i = 0; i < sizeof b.lane / sizeof *b.lane; i++) {                                         \
            int64_t x = b.lane[i];                                                                              \
            a.lane[2 * i + (odd)] = (__typeof__(*a.lane))(x<(lowest) ? (lowest) : x>(highest) ? (highest) : x); \
        }                                                                                                       \
        return a;                                                                                               \
    }
MVE_NARROW(vqmovunbq_s32, uint16x8_t, int32x4_t, 0, 0, UINT16_MAX)
MVE_NARROW(vqmovuntq_s32, uint16x8_t, int32x4_t, 1, 0, UINT16_MAX)
MVE_NARROW(vqmovnbq_s32, int16x8_t, int32x4_t, 0, INT16_MIN, INT16_MAX)
MVE_NARROW(vqmovntq_s32, int16x8_t, int32x4_t, 1, INT16_MIN, INT16_MAX)
MVE_NARROW(vqmovnbq_u16, uint8x16_t, uint16x8_t, 0, 0, UINT8_MAX)
MVE_NARROW(vqmovntq_u16, uint8x16_t, uint16x8_t, 1, 0, UINT8_MAX)
MVE_NARROW(vqmovnbq_s16, int8x16_t, int16x8_t, 0, INT8_MIN, INT8_MAX)
MVE_NARROW(vqmovntq_s16, int8x16_t, int16x8_t, 1, INT8_MIN, INT8_MAX)

#define MVE_LANEWISE(intrinsic, vector, lanes, operation) \
    static inline vector intrinsic(vector a, vector b)    \
    {                                                     \
        for (int i = 0; i < (lanes); i++) {               \
            a.lane[i] = operation(a.lane[i], b.lane[i]);  \
        }                                                 \
        return a;                                         \
    }
#define MVE_LANEWISE_S32(intrinsic, operation) MVE_LANEWISE(intrinsic, int32x4_t, 4, operation)
MVE_LANEWISE(vaddq_s16, int16x8_t, 8, mve_add_s16)
MVE_LANEWISE(vsubq_s16, int16x8_t, 8, mve_sub_s16)
MVE_LANEWISE(veorq_s16, int16x8_t, 8, mve_xor_s16)
MVE_LANEWISE(vminq_s16, int16x8_t, 8, mve_min_s16)
MVE_LANEWISE(vmaxq_s16, int16x8_t, 8, mve_max_s16)
MVE_LANEWISE(vqaddq_s16, int16x8_t, 8, mve_qadd_s16)
MVE_LANEWISE(veorq_u8, uint8x16_t, 16, mve_xor_u8)
MVE_LANEWISE(vandq_s8, int8x16_t, 16, mve_and_s8)
MVE_LANEWISE(vminq_s8, int8x16_t, 16, mve_min_s8)
MVE_LANEWISE(vmaxq_s8, int8x16_t, 16, mve_max_s8)
MVE_LANEWISE(vmaxq_u32, uint32x4_t, 4, mve_max_u32)
MVE_LANEWISE(vmulhq_u32, uint32x4_t, 4, mve_mulh_u32)
MVE_LANEWISE_S32(vaddq_s32, mve_add_s32)
MVE_LANEWISE_S32(vqaddq_s32, mve_qadd_s32)
MVE_LANEWISE_S32(vsubq_s32, mve_sub_s32)
MVE_LANEWISE_S32(vmulq_s32, mve_mul_s32)
MVE_LANEWISE_S32(veorq_s32, mve_xor_s32)
MVE_LANEWISE_S32(vminq_s32, mve_min_s32)
MVE_LANEWISE_S32(vmaxq_s32, mve_max_s32)
MVE_LANEWISE_S32(vandq_s32, mve_and_s32)
MVE_LANEWISE_S32(vqrdmulhq_s32, mve_qrdmulh_s32)
MVE_LANEWISE_S32(vshlq_s32, mve_shl_s32)
MVE_LANEWISE_S32(vrshlq_s32, mve_rshl_s32)

static inline uint16x8_t vaddq_n_u16(uint16x8_t a, uint16_t b)
{
    for (int i = 0; i < 8; i++) {
        a.lane[i] = (uint16_t)(a.lane[i] + b);
    }
    return a;
}

/* Without saturation: the lowest number stays what it is. */
static inline int16x8_t vabsq_s16(int16x8_t a)
{
    for (int i = 0; i < 8; i++) {
        a.lane[i] = a.lane[i] < 0 ? mve_sub_s16(0, a.lane[i]) : a.lane[i];
    }
    return a;
}

static inline int16x8_t vshrq_n_s16(int16x8_t a, int by)
{
    for (int i = 0; i < 8; i++) {
        a.lane[i] = (int16_t)(a.lane[i] >> by);
    }
    return a;
}

/* The even (odd: t) lanes, widened; and wider lanes into them, cut off. */
static inline uint32x4_t vmovlbq_u16(uint16x8_t a)
{
    return (uint32x4_t){{a.lane[0], a.lane[2], a.lane[4], a.lane[6]}};
}

static inline uint32x4_t vmovltq_u16(uint16x8_t a)
{
    return (uint32x4_t){{a.lane[1], a.lane[3], a.lane[5], a.lane[7]}};
}

static inline uint16x8_t vmovnbq_u32(uint16x8_t a, uint32x4_t b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[2 * i] = (uint16_t)b.lane[i];
    }
    return a;
}

static inline uint16x8_t vmovntq_u32(uint16x8_t a, uint32x4_t b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[2 * i + 1] = (uint16_t)b.lane[i];
    }
    return a;
}

static inline int16x8_t vaddq_n_s16(int16x8_t a, int16_t b)
{
    for (int i = 0; i < 8; i++) {
        a.lane[i] = (int16_t)(a.lane[i] + b);
    }
    return a;
}

/* The even (odd: 1) lanes, widened and shifted left. */
#define MVE_WIDEN_SHIFT(intrinsic, wide, narrow, odd)                                          \
    static inline wide intrinsic(narrow a, int by)                                             \
    {                                                                                          \
        wide v;                                                                                \
        for (unsigned i = 0; i < sizeof v.lane / sizeof *v.lane; i++) {                        \
            v.lane[i] = (__typeof__(*v.lane))((uint32_t)(int32_t)a.lane[2 * i + (odd)] << by); \
        }                                                                                      \
        return v;                                                                              \
    }
MVE_WIDEN_SHIFT(vshllbq_n_s8, int16x8_t, int8x16_t, 0)
MVE_WIDEN_SHIFT(vshlltq_n_s8, int16x8_t, int8x16_t, 1)
MVE_WIDEN_SHIFT(vshllbq_n_s16, int32x4_t, int16x8_t, 0)
MVE_WIDEN_SHIFT(vshlltq_n_s16, int32x4_t, int16x8_t, 1)

static inline int16x8_t vqaddq_n_s16(int16x8_t a, int16_t b)
{
    return vqaddq_s16(a, vdupq_n_s16(b));
}

static inline int32x4_t vaddq_n_s32(int32x4_t a, int32_t b)
{
    return vaddq_s32(a, vdupq_n_s32(b));
}

/* Without saturation: the lowest number stays what it is. */
static inline int32x4_t vabsq_s32(int32x4_t a)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] = a.lane[i] < 0 ? mve_sub_s32(0, a.lane[i]) : a.lane[i];
    }
    return a;
}

static inline int32x4_t vqrdmulhq_n_s32(int32x4_t a, int32_t b)
{
    return vqrdmulhq_s32(a, vdupq_n_s32(b));
}

static inline int32x4_t vrshlq_n_s32(int32x4_t a, int32_t b)
{
    return vrshlq_s32(a, vdupq_n_s32(b));
}

/* first, first + step, ... */
static inline uint32x4_t vidupq_n_u32(uint32_t first, int step)
{
    uint32x4_t v;
    for (uint32_t i = 0; i < 4; i++) {
        v.lane[i] = first + i * (uint32_t)step;
    }
    return v;
}

static inline uint8x16_t vidupq_n_u8(uint32_t first, int step)
{
    uint8x16_t v;
    for (uint32_t i = 0; i < 16; i++) {
        v.lane[i] = (uint8_t)(first + i * (uint32_t)step);
    }
    return v;
}

/* The upper half of each product. */
static inline uint8x16_t vmulhq_u8(uint8x16_t a, uint8x16_t b)
{
    for (int i = 0; i < 16; i++) {
        a.lane[i] = (uint8_t)(a.lane[i] * b.lane[i] >> 8);
    }
    return a;
}

static inline uint8x16_t vmlaq_n_u8(uint8x16_t a, uint8x16_t b, uint8_t c)
{
    for (int i = 0; i < 16; i++) {
        a.lane[i] = (uint8_t)(a.lane[i] + b.lane[i] * c);
    }
    return a;
}

static inline uint32x4_t vaddq_n_u32(uint32x4_t a, uint32_t b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] += b;
    }
    return a;
}

static inline uint32x4_t vmulq_n_u32(uint32x4_t a, uint32_t b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] *= b;
    }
    return a;
}

/* The sum of all products, modulo 2^32. */
static inline int32_t vmladavaq_s8(int32_t sum, int8x16_t a, int8x16_t b)
{
    for (int i = 0; i < 16; i++) {
        sum = mve_add_s32(sum, a.lane[i] * b.lane[i]);
    }
    return sum;
}

/* The greatest of what the predicate names and `a`. */
static inline int8_t vmaxvq_p_s8(int8_t a, int8x16_t b, mve_pred16_t p)
{
    for (int i = 0; i < 16; i++) {
        a = (p >> i & 1) ? mve_max_s8(a, b.lane[i]) : a;
    }
    return a;
}

/* The sum of all lanes, modulo 2^32. */
static inline uint32_t vaddvaq_u32(uint32_t sum, uint32x4_t a)
{
    return sum + a.lane[0] + a.lane[1] + a.lane[2] + a.lane[3];
}

/* a + b * c. */
static inline int32x4_t vmlaq_n_s32(int32x4_t a, int32x4_t b, int32_t c)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i] * (uint32_t)c);
    }
    return a;
}

static inline int32x4_t vshlq_r_s32(int32x4_t a, int32_t by)
{
    return vshlq_s32(a, vdupq_n_s32(by));
}

static inline int32x4_t vshrq_n_s32(int32x4_t a, int by)
{
    return vshlq_s32(a, vdupq_n_s32(-by));
}

static inline int8x16_t vshlq_n_s8(int8x16_t a, int by)
{
    for (int i = 0; i < 16; i++) {
        a.lane[i] = (int8_t)((uint32_t)a.lane[i] << by);
    }
    return a;
}

static inline int8x16_t vshrq_n_s8(int8x16_t a, int by)
{
    for (int i = 0; i < 16; i++) {
        a.lane[i] = (int8_t)(a.lane[i] >> by);
    }
    return a;
}

#endif
