/* SPDX-License-Identifier: Apache-2.0
 *
 * Helium on any machine: the intrinsics that runtime/kernels/mve uses, with exactly the meaning that Arm gives them,
 * so that those files run on the host, under sanitisers too.
 */
#ifndef GROAT_EMULATE_ARM_MVE_H
#define GROAT_EMULATE_ARM_MVE_H

#include <stdint.h>

typedef uint16_t mve_pred16_t; /* a bit for each byte of a vector */

typedef struct int8x16_t {
    int8_t lane[16];
} int8x16_t;

typedef struct uint8x16_t {
    uint8_t lane[16];
} uint8x16_t;

typedef struct int16x8_t {
    int16_t lane[8];
} int16x8_t;

typedef struct uint16x8_t {
    uint16_t lane[8];
} uint16x8_t;

typedef struct uint32x4_t {
    uint32_t lane[4];
} uint32x4_t;

typedef struct int8x16x4_t {
    int8x16_t val[4];
} int8x16x4_t;

typedef struct int32x4_t {
    int32_t lane[4];
} int32x4_t;

typedef struct float32x4_t {
    float lane[4];
} float32x4_t;

typedef struct float32x4x4_t {
    float32x4_t val[4];
} float32x4x4_t;

/* ---- Predicates ---- */

static inline mve_pred16_t vctp8q(uint32_t count)
{
    return (mve_pred16_t)(count < 16 ? (1u << count) - 1u : 0xffffu);
}

static inline mve_pred16_t vctp16q(uint32_t count)
{
    return vctp8q(count < 8 ? 2 * count : 16);
}

static inline mve_pred16_t vctp32q(uint32_t count)
{
    return vctp8q(count < 4 ? 4 * count : 16);
}

/* ---- Loads and stores ---- */

static inline int8x16_t vldrbq_z_s8(const int8_t *from, mve_pred16_t p)
{
    int8x16_t v;
    for (int i = 0; i < 16; i++) {
        v.lane[i] = (int8_t)((p >> i & 1) ? from[i] : 0);
    }
    return v;
}

static inline void vstrbq_p_s8(int8_t *to, int8x16_t v, mve_pred16_t p)
{
    for (int i = 0; i < 16; i++) {
        if (p >> i & 1) {
            to[i] = v.lane[i];
        }
    }
}

static inline int8x16_t vldrbq_s8(const int8_t *from)
{
    return vldrbq_z_s8(from, 0xffff);
}

static inline void vstrbq_s8(int8_t *to, int8x16_t v)
{
    vstrbq_p_s8(to, v, 0xffff);
}

/* Each byte to its own offset. */
static inline void vstrbq_scatter_offset_p_s8(int8_t *to, uint8x16_t offsets, int8x16_t v, mve_pred16_t p)
{
    for (int i = 0; i < 16; i++) {
        if (p >> i & 1) {
            to[offsets.lane[i]] = v.lane[i];
        }
    }
}

static inline void vstrbq_scatter_offset_s8(int8_t *to, uint8x16_t offsets, int8x16_t v)
{
    vstrbq_scatter_offset_p_s8(to, offsets, v, 0xffff);
}

static inline void vstrwq_u32(uint32_t *to, uint32x4_t v)
{
    for (int i = 0; i < 4; i++) {
        to[i] = v.lane[i];
    }
}

static inline uint32x4_t vldrwq_u32(const uint32_t *from)
{
    uint32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = from[i];
    }
    return v;
}

/* Each word from its own place, `offsets` bytes on. */
static inline int32x4_t vldrwq_gather_offset_s32(const int32_t *from, uint32x4_t offsets)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        __builtin_memcpy(&v.lane[i], (const char *)from + offsets.lane[i], sizeof(int32_t));
    }
    return v;
}

/* Interleaves four vectors. */
static inline void vst4q_s8(int8_t *to, int8x16x4_t v)
{
    for (int i = 0; i < 64; i++) {
        to[i] = v.val[i % 4].lane[i / 4];
    }
}

/* Bytes into wider lanes. */
static inline int32x4_t vldrbq_z_s32(const int8_t *from, mve_pred16_t p)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = (p >> (4 * i) & 1) ? from[i] : 0;
    }
    return v;
}

static inline int32x4_t vldrwq_s32(const int32_t *from)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = from[i];
    }
    return v;
}

static inline void vstrwq_s32(int32_t *to, int32x4_t v)
{
    for (int i = 0; i < 4; i++) {
        to[i] = v.lane[i];
    }
}

/* Stores the low byte of each lane. */
static inline void vstrbq_p_s32(int8_t *to, int32x4_t v, mve_pred16_t p)
{
    for (int i = 0; i < 4; i++) {
        if (p >> (4 * i) & 1) {
            to[i] = (int8_t)v.lane[i];
        }
    }
}

static inline void vstrbq_p_s16(int8_t *to, int16x8_t v, mve_pred16_t p)
{
    for (int i = 0; i < 8; i++) {
        if (p >> (2 * i) & 1) {
            to[i] = (int8_t)v.lane[i];
        }
    }
}

static inline void vstrbq_s32(int8_t *to, int32x4_t v)
{
    vstrbq_p_s32(to, v, 0xffff);
}

/* ---- Arithmetic ---- */

/* One lane of each operation. */
static inline int32_t mve_add_s32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t mve_min_s32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t mve_max_s32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int8_t mve_min_s8(int8_t a, int8_t b)
{
    return a < b ? a : b;
}

static inline int8_t mve_max_s8(int8_t a, int8_t b)
{
    return a > b ? a : b;
}

static inline int16_t mve_qadd_s16(int16_t a, int16_t b)
{
    int32_t sum = a + b;
    return (int16_t)(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

static inline uint8_t mve_xor_u8(uint8_t a, uint8_t b)
{
    return a ^ b;
}

static inline uint32_t mve_max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline uint32_t mve_mulh_u32(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

static inline int32_t mve_sub_s32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline int32_t mve_xor_s32(int32_t a, int32_t b)
{
    return a ^ b;
}

static inline int32_t mve_and_s32(int32_t a, int32_t b)
{
    return a & b;
}

/* Doubles the product, rounds its upper half, saturates. */
static inline int32_t mve_qrdmulh_s32(int32_t a, int32_t b)
{
    int64_t high = ((int64_t)a * b + (1 << 30)) >> 31;
    return high > INT32_MAX ? INT32_MAX : (int32_t)high;
}

/* By the signed low byte of `shift`: left without saturation, right without and with rounding (ties up). */
static inline int32_t mve_shl_s32(int32_t a, int32_t shift)
{
    int8_t by = (int8_t)shift;
    if (by >= 0) {
        return by < 32 ? (int32_t)((uint32_t)a << by) : 0;
    }
    return a >> (by > -32 ? -by : 31);
}

static inline int32_t mve_rshl_s32(int32_t a, int32_t shift)
{
    int8_t by = (int8_t)shift;
    if (by >= 0) {
        return mve_shl_s32(a, shift);
    }
    return by < -32 ? 0 : (int32_t)(((int64_t)a + ((int64_t)1 << (-by - 1))) >> -by);
}

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
MVE_LANEWISE(vqaddq_s16, int16x8_t, 8, mve_qadd_s16)
MVE_LANEWISE(veorq_u8, uint8x16_t, 16, mve_xor_u8)
MVE_LANEWISE(vminq_s8, int8x16_t, 16, mve_min_s8)
MVE_LANEWISE(vmaxq_s8, int8x16_t, 16, mve_max_s8)
MVE_LANEWISE(vmaxq_u32, uint32x4_t, 4, mve_max_u32)
MVE_LANEWISE(vmulhq_u32, uint32x4_t, 4, mve_mulh_u32)
MVE_LANEWISE_S32(vaddq_s32, mve_add_s32)
MVE_LANEWISE_S32(vsubq_s32, mve_sub_s32)
MVE_LANEWISE_S32(veorq_s32, mve_xor_s32)
MVE_LANEWISE_S32(vminq_s32, mve_min_s32)
MVE_LANEWISE_S32(vmaxq_s32, mve_max_s32)
MVE_LANEWISE_S32(vandq_s32, mve_and_s32)
MVE_LANEWISE_S32(vqrdmulhq_s32, mve_qrdmulh_s32)
MVE_LANEWISE_S32(vshlq_s32, mve_shl_s32)
MVE_LANEWISE_S32(vrshlq_s32, mve_rshl_s32)

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

/* ---- Floats ---- */

/* Takes four vectors apart. */
static inline float32x4x4_t vld4q_f32(const float *from)
{
    float32x4x4_t v;
    for (int i = 0; i < 16; i++) {
        v.val[i % 4].lane[i / 4] = from[i];
    }
    return v;
}

static inline float32x4_t vmulq_n_f32(float32x4_t a, float b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] *= b;
    }
    return a;
}

/* To the nearest integer, ties away from zero; saturates, and what is not a number becomes zero. */
static inline int32x4_t vcvtaq_s32_f32(float32x4_t a)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        double x = a.lane[i], rounded = x < 0 ? x - 0.5 : x + 0.5;
        v.lane[i] = !(x == x) ? 0 : rounded >= 0x1p31 ? INT32_MAX : rounded < -0x1p31 ? INT32_MIN : (int32_t)rounded;
    }
    return v;
}

static inline float32x4_t vcvtq_f32_s32(int32x4_t a)
{
    float32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = (float)a.lane[i];
    }
    return v;
}

static inline float32x4_t vabdq_f32(float32x4_t a, float32x4_t b)
{
    for (int i = 0; i < 4; i++) {
        float difference = a.lane[i] - b.lane[i];
        a.lane[i] = difference < 0 ? -difference : difference;
    }
    return a;
}

static inline mve_pred16_t vcmphiq_n_u32(uint32x4_t a, uint32_t b)
{
    unsigned lanes = 0;
    for (int i = 0; i < 4; i++) {
        lanes |= a.lane[i] > b ? 0xfu << (4 * i) : 0u;
    }
    return (mve_pred16_t)lanes;
}

#endif
