/* SPDX-License-Identifier: Apache-2.0
 *
 * The RISC-V vector intrinsics that runtime/kernels/rvv uses, for the host: arrays of VLEN bits and loops.
 * Elements behind `vl` come out as all ones, which tail-agnostic instructions may do, so that nobody relies on them.
 */
#ifndef GROAT_EMULATE_RISCV_VECTOR_H
#define GROAT_EMULATE_RISCV_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../runtime/kernels/fma.h"
#include "../../runtime/kernels/half.h"

#define __RISCV_VXRM_RNU 0

#ifndef GROAT_EMULATE_VLEN
#define GROAT_EMULATE_VLEN 128
#endif

/* X(bits, group) for every type in use: 8-bit lanes in groups of 1, 2, 4 and 8 registers, ... */
#define GROAT_RVV_TYPES(X) X(8, 1) X(8, 2) X(8, 4) X(8, 8) X(16, 4) X(16, 8) X(32, 1) X(32, 8)

#define GROAT_RVV_TYPE(bits, group)                          \
    typedef struct {                                         \
        int##bits##_t v[GROAT_EMULATE_VLEN * group / bits];  \
    } vint##bits##m##group##_t;                              \
    typedef struct {                                         \
        uint##bits##_t v[GROAT_EMULATE_VLEN * group / bits]; \
    } vuint##bits##m##group##_t;
GROAT_RVV_TYPES(GROAT_RVV_TYPE)

/* A mask for lanes of 32 bits in groups of eight registers, and of 16 bits in groups of four. */
typedef struct {
    uint8_t v[GROAT_EMULATE_VLEN / 4];
} vbool4_t;

/* A function that computes element i of its result from its arguments. */
#define GROAT_RVV_EACH(result, name, arguments, value) \
    static inline result __riscv_##name arguments      \
    {                                                  \
        result d;                                      \
        memset(&d, 0xff, sizeof d);                    \
        for (size_t i = 0; i < vl; i++) {              \
            d.v[i] = value;                            \
        }                                              \
        return d;                                      \
    }

/* round(x / 2^shift) to nearest, halves up: the only rounding mode in use. */
static inline int64_t groat_rvv_round(int64_t x, unsigned shift)
{
    return shift == 0 ? x : (x >> shift) + (x >> (shift - 1) & 1);
}

static inline int64_t groat_rvv_saturate(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

#define GROAT_RVV_COMMON(bits, group)                                                                                \
    static inline size_t __riscv_vsetvl_e##bits##m##group(size_t count)                                              \
    {                                                                                                                \
        size_t most = (size_t)GROAT_EMULATE_VLEN * group / bits;                                                     \
        return count < most ? count : most;                                                                          \
    }                                                                                                                \
    GROAT_RVV_SIGN(vint##bits##m##group##_t, int##bits##_t, int64_t, i##bits##m##group, le##bits, se##bits)          \
    GROAT_RVV_SIGN(vuint##bits##m##group##_t, uint##bits##_t, uint64_t, u##bits##m##group, le##bits, se##bits)       \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vmax_vx_i##bits##m##group,                                              \
                   (vint##bits##m##group##_t a, int##bits##_t b, size_t vl), a.v[i] > b ? a.v[i] : b)                \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vmin_vx_i##bits##m##group,                                              \
                   (vint##bits##m##group##_t a, int##bits##_t b, size_t vl), a.v[i] < b ? a.v[i] : b)                \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vmax_vv_i##bits##m##group,                                              \
                   (vint##bits##m##group##_t a, vint##bits##m##group##_t b, size_t vl),                              \
                   a.v[i] > b.v[i] ? a.v[i] : b.v[i])                                                                \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vneg_v_i##bits##m##group, (vint##bits##m##group##_t a, size_t vl),      \
                   (int##bits##_t)(0u - (unsigned)a.v[i]))                                                           \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vrsub_vx_i##bits##m##group,                                             \
                   (vint##bits##m##group##_t a, int##bits##_t b, size_t vl),                                         \
                   (int##bits##_t)((uint64_t)b - (uint64_t)a.v[i]))                                                  \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vsra_vx_i##bits##m##group,                                              \
                   (vint##bits##m##group##_t a, size_t b, size_t vl), (int##bits##_t)(a.v[i] >> (b & (bits - 1))))   \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vsll_vx_i##bits##m##group,                                              \
                   (vint##bits##m##group##_t a, size_t b, size_t vl),                                                \
                   (int##bits##_t)((uint##bits##_t)a.v[i] << (b & (bits - 1))))                                      \
    GROAT_RVV_EACH(vuint##bits##m##group##_t, vsrl_vx_u##bits##m##group,                                             \
                   (vuint##bits##m##group##_t a, size_t b, size_t vl), (uint##bits##_t)(a.v[i] >> (b & (bits - 1)))) \
    GROAT_RVV_EACH(vuint##bits##m##group##_t, vminu_vx_u##bits##m##group,                                            \
                   (vuint##bits##m##group##_t a, uint##bits##_t b, size_t vl), a.v[i] < b ? a.v[i] : b)              \
    GROAT_RVV_EACH(vuint##bits##m##group##_t, vdivu_vx_u##bits##m##group,                                            \
                   (vuint##bits##m##group##_t a, uint##bits##_t b, size_t vl),                                       \
                   b == 0 ? (uint##bits##_t) - 1 : (uint##bits##_t)(a.v[i] / b))                                     \
    GROAT_RVV_EACH(vuint##bits##m##group##_t, vid_v_u##bits##m##group, (size_t vl), (uint##bits##_t)i)               \
    GROAT_RVV_EACH(vint##bits##m##group##_t, vsadd_vx_i##bits##m##group,                                             \
                   (vint##bits##m##group##_t a, int##bits##_t b, size_t vl),                                         \
                   (int##bits##_t)groat_rvv_saturate((int64_t)a.v[i] + b, -((int64_t)1 << (bits - 1)),               \
                                                     ((int64_t)1 << (bits - 1)) - 1))                                \
    static inline vuint##bits##m##group##_t __riscv_vreinterpret_v_i##bits##m##group##_u##bits##m##group(            \
        vint##bits##m##group##_t a)                                                                                  \
    {                                                                                                                \
        vuint##bits##m##group##_t d;                                                                                 \
        memcpy(&d, &a, sizeof d);                                                                                    \
        return d;                                                                                                    \
    }                                                                                                                \
    static inline vint##bits##m##group##_t __riscv_vreinterpret_v_u##bits##m##group##_i##bits##m##group(             \
        vuint##bits##m##group##_t a)                                                                                 \
    {                                                                                                                \
        vint##bits##m##group##_t d;                                                                                  \
        memcpy(&d, &a, sizeof d);                                                                                    \
        return d;                                                                                                    \
    }

/* What is the same for both signs; sums and products wrap. */
#define GROAT_RVV_SIGN(type, element, wide, name, load, store)                                                        \
    static inline type __riscv_v##load##_v_##name(const element *from, size_t vl)                                     \
    {                                                                                                                 \
        type d;                                                                                                       \
        memset(&d, 0xff, sizeof d);                                                                                   \
        memcpy(d.v, from, vl * sizeof *from);                                                                         \
        return d;                                                                                                     \
    }                                                                                                                 \
    static inline void __riscv_v##store##_v_##name(element *to, type a, size_t vl)                                    \
    {                                                                                                                 \
        memcpy(to, a.v, vl * sizeof *to);                                                                             \
    }                                                                                                                 \
    GROAT_RVV_EACH(type, vmv_v_x_##name, (element b, size_t vl), b)                                                   \
    GROAT_RVV_EACH(type, vadd_vv_##name, (type a, type b, size_t vl), (element)((uint64_t)a.v[i] + (uint64_t)b.v[i])) \
    GROAT_RVV_EACH(type, vadd_vx_##name, (type a, element b, size_t vl), (element)((uint64_t)a.v[i] + (uint64_t)b))   \
    GROAT_RVV_EACH(type, vsub_vv_##name, (type a, type b, size_t vl), (element)((uint64_t)a.v[i] - (uint64_t)b.v[i])) \
    GROAT_RVV_EACH(type, vmul_vx_##name, (type a, element b, size_t vl), (element)((uint64_t)a.v[i] * (uint64_t)b))   \
    GROAT_RVV_EACH(type, vxor_vx_##name, (type a, element b, size_t vl), (element)(a.v[i] ^ b))                       \
    GROAT_RVV_EACH(type, vand_vv_##name, (type a, type b, size_t vl), (element)(a.v[i] & b.v[i]))

GROAT_RVV_TYPES(GROAT_RVV_COMMON)

/* ---- Fixed point, 32-bit lanes ---------------------------------------------------------------------------- */

static inline int32_t groat_rvv_smul(int32_t a, int32_t b)
{
    return (int32_t)groat_rvv_saturate(groat_rvv_round((int64_t)a * b, 31), INT32_MIN, INT32_MAX);
}

GROAT_RVV_EACH(vint32m8_t, vsmul_vv_i32m8, (vint32m8_t a, vint32m8_t b, unsigned mode, size_t vl),
               ((void)mode, groat_rvv_smul(a.v[i], b.v[i])))
GROAT_RVV_EACH(vint32m8_t, vsmul_vx_i32m8, (vint32m8_t a, int32_t b, unsigned mode, size_t vl),
               ((void)mode, groat_rvv_smul(a.v[i], b)))
GROAT_RVV_EACH(vint32m8_t, vssra_vv_i32m8, (vint32m8_t a, vuint32m8_t b, unsigned mode, size_t vl),
               ((void)mode, (int32_t)groat_rvv_round(a.v[i], b.v[i] & 31)))
GROAT_RVV_EACH(vint32m8_t, vssra_vx_i32m8, (vint32m8_t a, size_t b, unsigned mode, size_t vl),
               ((void)mode, (int32_t)groat_rvv_round(a.v[i], b & 31)))
GROAT_RVV_EACH(vint32m8_t, vsadd_vv_i32m8, (vint32m8_t a, vint32m8_t b, size_t vl),
               (int32_t)groat_rvv_saturate((int64_t)a.v[i] + b.v[i], INT32_MIN, INT32_MAX))
GROAT_RVV_EACH(vint32m8_t, vmulh_vv_i32m8, (vint32m8_t a, vint32m8_t b, size_t vl),
               (int32_t)((int64_t)a.v[i] * b.v[i] >> 32))
GROAT_RVV_EACH(vint32m8_t, vsll_vv_i32m8, (vint32m8_t a, vuint32m8_t b, size_t vl),
               (int32_t)((uint32_t)a.v[i] << (b.v[i] & 31)))

/* Division by zero gives -1, the one quotient that does not fit the dividend. */
GROAT_RVV_EACH(vint32m8_t, vdiv_vx_i32m8, (vint32m8_t a, int32_t b, size_t vl),
               b == 0 ? -1 : (int32_t)((int64_t)a.v[i] / b))

/* ---- float32 ------------------------------------------------------------------------------------------------ */

#define __RISCV_FRM_RMM 4

typedef struct {
    float v[GROAT_EMULATE_VLEN * 8 / 32];
} vfloat32m8_t;

/* Ties away from zero; saturates. */
static inline int32_t groat_rvv_to_integer(float x)
{
    if (x < -2147483648.0f) {
        return INT32_MIN;
    }
    if (!(x < 2147483648.0f)) { /* not a number, too */
        return INT32_MAX;
    }
    int32_t whole = (int32_t)x;
    float rest = x - (float)whole;
    return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

GROAT_RVV_EACH(vfloat32m8_t, vle32_v_f32m8, (const float *from, size_t vl), from[i])
GROAT_RVV_EACH(vfloat32m8_t, vfmax_vf_f32m8, (vfloat32m8_t a, float b, size_t vl), a.v[i] > b ? a.v[i] : b)
/* float16 by its bits. */
typedef struct {
    uint16_t v[GROAT_EMULATE_VLEN * 4 / 16];
} vfloat16m4_t;

static inline void __riscv_vse32_v_f32m8(float *to, vfloat32m8_t a, size_t vl)
{
    memcpy(to, a.v, vl * sizeof *to);
}

static inline void __riscv_vse16_v_f16m4(uint16_t *to, vfloat16m4_t a, size_t vl)
{
    memcpy(to, a.v, vl * sizeof *to);
}

typedef struct {
    uint16_t v[GROAT_EMULATE_VLEN * 8 / 16];
} vfloat16m8_t;

/* For lanes of 16 bits in groups of eight registers. */
typedef struct {
    uint8_t v[GROAT_EMULATE_VLEN / 2];
} vbool2_t;

static inline void __riscv_vse16_v_f16m8(uint16_t *to, vfloat16m8_t a, size_t vl)
{
    memcpy(to, a.v, vl * sizeof *to);
}

/* a * b + c, rounded once: the product is exact in float, and float has so many more bits that its own rounding to odd
 * does not show (see groat_fma). */
static inline uint16_t groat_rvv_fma_half(uint16_t a, uint16_t b, uint16_t c)
{
    const float product = groat_float_of_half(a) * groat_float_of_half(b);
    const float addend = groat_float_of_half(c);
    float sum = product + addend;
    const float added = sum - product;
    const float missed = (product - (sum - added)) + (addend - added);
    const uint32_t bits = groat_bits_of(sum);
    if (missed != 0.0f && missed - missed == 0.0f && bits % 2 == 0) {
        sum = groat_float_of(bits + ((missed > 0.0f) == (sum > 0.0f) ? 1u : UINT32_MAX));
    }
    return groat_half_of(sum);
}

static inline vfloat16m4_t __riscv_vget_v_f16m8_f16m4(vfloat16m8_t a, size_t index)
{
    vfloat16m4_t d;
    memcpy(&d, a.v + index * (sizeof d / sizeof *a.v), sizeof d);
    return d;
}

#define GROAT_RVV_MOST(bits, group)                                \
    static inline size_t __riscv_vsetvlmax_e##bits##m##group(void) \
    {                                                              \
        return (size_t)GROAT_EMULATE_VLEN * group / bits;          \
    }
GROAT_RVV_MOST(16, 4)
GROAT_RVV_MOST(16, 8)
GROAT_RVV_MOST(32, 4)
GROAT_RVV_MOST(32, 8)

/* Elements behind `vl` stay what they are. */
#define GROAT_RVV_EACH_TU(result, name, arguments, value) \
    static inline result __riscv_##name##_tu arguments    \
    {                                                     \
        result d = sum;                                   \
        for (size_t i = 0; i < vl; i++) {                 \
            d.v[i] = value;                               \
        }                                                 \
        return d;                                         \
    }

/* Bits behind the last come out as ones. */
#define GROAT_RVV_STORE_MASK(group)                                                                 \
    static inline void __riscv_vsm_v_b##group(uint8_t *to, vbool##group##_t a, size_t vl)           \
    {                                                                                               \
        for (size_t i = 0; i < (vl + 7) / 8 * 8; i++) {                                             \
            const uint8_t bit = (uint8_t)(1u << i % 8);                                             \
            to[i / 8] = (uint8_t)(i >= vl || a.v[i] ? to[i / 8] | bit : to[i / 8] & (uint8_t)~bit); \
        }                                                                                           \
    }
GROAT_RVV_STORE_MASK(2)
GROAT_RVV_STORE_MASK(4)

#define GROAT_RVV_COUNT(group)                                                          \
    static inline unsigned long __riscv_vcpop_m_b##group(vbool##group##_t a, size_t vl) \
    {                                                                                   \
        unsigned long count = 0;                                                        \
        for (size_t i = 0; i < vl; i++) {                                               \
            count += a.v[i];                                                            \
        }                                                                               \
        return count;                                                                   \
    }
GROAT_RVV_COUNT(2)
GROAT_RVV_COUNT(4)

GROAT_RVV_EACH(vfloat16m8_t, vle16_v_f16m8, (const uint16_t *from, size_t vl), from[i])
GROAT_RVV_EACH(vfloat16m8_t, vfmv_v_f_f16m8, (uint16_t b, size_t vl), b)
GROAT_RVV_EACH(vfloat16m8_t, vfmacc_vf_f16m8, (vfloat16m8_t sum, uint16_t a, vfloat16m8_t b, size_t vl),
               groat_rvv_fma_half(a, b.v[i], sum.v[i]))
GROAT_RVV_EACH_TU(vfloat16m8_t, vfmacc_vf_f16m8, (vfloat16m8_t sum, uint16_t a, vfloat16m8_t b, size_t vl),
                  groat_rvv_fma_half(a, b.v[i], sum.v[i]))
GROAT_RVV_EACH(vfloat16m8_t, vfmacc_vv_f16m8, (vfloat16m8_t sum, vfloat16m8_t a, vfloat16m8_t b, size_t vl),
               groat_rvv_fma_half(a.v[i], b.v[i], sum.v[i]))
GROAT_RVV_EACH(vbool2_t, vmfne_vv_f16m8_b2, (vfloat16m8_t a, vfloat16m8_t b, size_t vl),
               groat_float_of_half(a.v[i]) != groat_float_of_half(b.v[i]))
GROAT_RVV_EACH(vfloat16m8_t, vfadd_vv_f16m8, (vfloat16m8_t a, vfloat16m8_t b, size_t vl),
               groat_half_of(groat_float_of_half(a.v[i]) + groat_float_of_half(b.v[i])))
GROAT_RVV_EACH(vbool2_t, vmflt_vf_f16m8_b2, (vfloat16m8_t a, uint16_t b, size_t vl),
               groat_float_of_half(a.v[i]) < groat_float_of_half(b))
GROAT_RVV_EACH(vbool2_t, vmfgt_vf_f16m8_b2, (vfloat16m8_t a, uint16_t b, size_t vl),
               groat_float_of_half(a.v[i]) > groat_float_of_half(b))
GROAT_RVV_EACH(vfloat16m8_t, vfmerge_vfm_f16m8, (vfloat16m8_t a, uint16_t b, vbool2_t mask, size_t vl),
               mask.v[i] ? b : a.v[i])
GROAT_RVV_EACH(vbool2_t, vmand_mm_b2, (vbool2_t a, vbool2_t b, size_t vl), a.v[i] && b.v[i])
GROAT_RVV_EACH(vbool4_t, vmand_mm_b4, (vbool4_t a, vbool4_t b, size_t vl), a.v[i] && b.v[i])
GROAT_RVV_EACH(vbool2_t, vlm_v_b2, (const uint8_t *from, size_t vl), from[i / 8] >> i % 8 & 1)
GROAT_RVV_EACH(vbool4_t, vlm_v_b4, (const uint8_t *from, size_t vl), from[i / 8] >> i % 8 & 1)
GROAT_RVV_EACH(vbool2_t, vmnand_mm_b2, (vbool2_t a, vbool2_t b, size_t vl), !(a.v[i] && b.v[i]))
GROAT_RVV_EACH(vbool4_t, vmnand_mm_b4, (vbool4_t a, vbool4_t b, size_t vl), !(a.v[i] && b.v[i]))
GROAT_RVV_EACH(vfloat32m8_t, vfwcvt_f_f_v_f32m8, (vfloat16m4_t a, size_t vl), groat_float_of_half(a.v[i]))
GROAT_RVV_EACH(vfloat32m8_t, vfwadd_wv_f32m8, (vfloat32m8_t a, vfloat16m4_t b, size_t vl),
               a.v[i] + groat_float_of_half(b.v[i]))
GROAT_RVV_EACH_TU(vfloat32m8_t, vfmacc_vf_f32m8, (vfloat32m8_t sum, float a, vfloat32m8_t b, size_t vl),
                  groat_fma(a, b.v[i], sum.v[i]))
GROAT_RVV_EACH(vbool4_t, vmfne_vv_f32m8_b4, (vfloat32m8_t a, vfloat32m8_t b, size_t vl), a.v[i] != b.v[i])
GROAT_RVV_EACH(vfloat32m8_t, vfmul_vf_f32m8, (vfloat32m8_t a, float b, size_t vl), a.v[i] * b)
GROAT_RVV_EACH(vfloat16m4_t, vle16_v_f16m4, (const uint16_t *from, size_t vl), from[i])
GROAT_RVV_EACH(vfloat16m4_t, vfncvt_f_f_w_f16m4, (vfloat32m8_t a, size_t vl), groat_half_of(a.v[i]))
GROAT_RVV_EACH(vfloat32m8_t, vfmv_v_f_f32m8, (float b, size_t vl), b)
GROAT_RVV_EACH(vfloat32m8_t, vfadd_vf_f32m8, (vfloat32m8_t a, float b, size_t vl), a.v[i] + b)
GROAT_RVV_EACH(vfloat32m8_t, vfadd_vv_f32m8, (vfloat32m8_t a, vfloat32m8_t b, size_t vl), a.v[i] + b.v[i])
GROAT_RVV_EACH(vfloat32m8_t, vfmacc_vf_f32m8, (vfloat32m8_t sum, float a, vfloat32m8_t b, size_t vl),
               groat_fma(a, b.v[i], sum.v[i]))
GROAT_RVV_EACH(vfloat32m8_t, vfmacc_vv_f32m8, (vfloat32m8_t sum, vfloat32m8_t a, vfloat32m8_t b, size_t vl),
               groat_fma(a.v[i], b.v[i], sum.v[i]))
GROAT_RVV_EACH(vfloat32m8_t, vfwmacc_vf_f32m8, (vfloat32m8_t sum, uint16_t a, vfloat16m4_t b, size_t vl),
               groat_fma(groat_float_of_half(a), groat_float_of_half(b.v[i]), sum.v[i]))
GROAT_RVV_EACH(vfloat32m8_t, vfwmacc_vv_f32m8, (vfloat32m8_t sum, vfloat16m4_t a, vfloat16m4_t b, size_t vl),
               groat_fma(groat_float_of_half(a.v[i]), groat_float_of_half(b.v[i]), sum.v[i]))
GROAT_RVV_EACH(vbool4_t, vmflt_vf_f32m8_b4, (vfloat32m8_t a, float b, size_t vl), a.v[i] < b)
GROAT_RVV_EACH(vbool4_t, vmfgt_vf_f32m8_b4, (vfloat32m8_t a, float b, size_t vl), a.v[i] > b)
GROAT_RVV_EACH(vfloat32m8_t, vfmerge_vfm_f32m8, (vfloat32m8_t a, float b, vbool4_t mask, size_t vl),
               mask.v[i] ? b : a.v[i])
GROAT_RVV_EACH(vfloat32m8_t, vfdiv_vf_f32m8, (vfloat32m8_t a, float b, size_t vl), a.v[i] / b)
GROAT_RVV_EACH(vint32m8_t, vfcvt_x_f_v_i32m8_rm, (vfloat32m8_t a, unsigned mode, size_t vl),
               ((void)mode, groat_rvv_to_integer(a.v[i])))

/* ---- Strided and indexed ----------------------------------------------------------------------------------- */

GROAT_RVV_EACH(vint8m8_t, vlse8_v_i8m8, (const int8_t *from, ptrdiff_t stride, size_t vl), from[(ptrdiff_t)i * stride])

static inline void __riscv_vsse8_v_i8m8(int8_t *to, ptrdiff_t stride, vint8m8_t a, size_t vl)
{
    for (size_t i = 0; i < vl; i++) {
        to[(ptrdiff_t)i * stride] = a.v[i];
    }
}

GROAT_RVV_EACH(vfloat16m4_t, vlse16_v_f16m4, (const uint16_t *from, ptrdiff_t stride, size_t vl),
               from[(ptrdiff_t)i * stride / 2])
GROAT_RVV_EACH(vfloat16m8_t, vlse16_v_f16m8, (const uint16_t *from, ptrdiff_t stride, size_t vl),
               from[(ptrdiff_t)i * stride / 2])
GROAT_RVV_EACH(vfloat32m8_t, vlse32_v_f32m8, (const float *from, ptrdiff_t stride, size_t vl),
               from[(ptrdiff_t)i * stride / 4])

static inline void __riscv_vsse16_v_f16m4(uint16_t *to, ptrdiff_t stride, vfloat16m4_t a, size_t vl)
{
    for (size_t i = 0; i < vl; i++) {
        to[(ptrdiff_t)i * stride / 2] = a.v[i];
    }
}

static inline void __riscv_vsse32_v_f32m8(float *to, ptrdiff_t stride, vfloat32m8_t a, size_t vl)
{
    for (size_t i = 0; i < vl; i++) {
        to[(ptrdiff_t)i * stride / 4] = a.v[i];
    }
}

GROAT_RVV_EACH(vuint8m8_t, vluxei8_v_u8m8, (const uint8_t *from, vuint8m8_t index, size_t vl), from[index.v[i]])

/* Where the mask is not set, nothing is loaded and the lane keeps what it has. */
GROAT_RVV_EACH(vbool4_t, vmsltu_vx_u16m4_b4, (vuint16m4_t a, uint16_t b, size_t vl), a.v[i] < b)
GROAT_RVV_EACH(vint32m8_t, vluxei16_v_i32m8_mu,
               (vbool4_t mask, vint32m8_t kept, const int32_t *from, vuint16m4_t index, size_t vl),
               mask.v[i] ? from[index.v[i] / 4] : kept.v[i])

/* ---- Reductions: element 0 of the result is that of `start` with all of `a` --------------------------------- */

GROAT_RVV_EACH(vint8m1_t, vmv_s_x_i8m1, (int8_t b, size_t vl), i == 0 ? b : -1)
GROAT_RVV_EACH(vint32m1_t, vmv_s_x_i32m1, (int32_t b, size_t vl), i == 0 ? b : -1)

static inline int8_t __riscv_vmv_x_s_i8m1_i8(vint8m1_t a)
{
    return a.v[0];
}

static inline int32_t __riscv_vmv_x_s_i32m1_i32(vint32m1_t a)
{
    return a.v[0];
}

static inline vint8m1_t __riscv_vredmax_vs_i8m8_i8m1(vint8m8_t a, vint8m1_t start, size_t vl)
{
    vint8m1_t d = __riscv_vmv_s_x_i8m1(start.v[0], 1);
    for (size_t i = 0; i < vl; i++) {
        d.v[0] = a.v[i] > d.v[0] ? a.v[i] : d.v[0];
    }
    return d;
}

static inline vint32m1_t __riscv_vredsum_vs_i32m8_i32m1(vint32m8_t a, vint32m1_t start, size_t vl)
{
    vint32m1_t d = __riscv_vmv_s_x_i32m1(start.v[0], 1);
    for (size_t i = 0; i < vl; i++) {
        d.v[0] = (int32_t)((uint32_t)d.v[0] + (uint32_t)a.v[i]);
    }
    return d;
}

static inline vint32m1_t __riscv_vwredsum_vs_i16m4_i32m1(vint16m4_t a, vint32m1_t start, size_t vl)
{
    vint32m1_t d = __riscv_vmv_s_x_i32m1(start.v[0], 1);
    for (size_t i = 0; i < vl; i++) {
        d.v[0] = (int32_t)((uint32_t)d.v[0] + (uint32_t)a.v[i]);
    }
    return d;
}

/* ---- To wider and narrower lanes --------------------------------------------------------------------------- */

GROAT_RVV_EACH(vint32m8_t, vsext_vf2_i32m8, (vint16m4_t a, size_t vl), a.v[i])
GROAT_RVV_EACH(vint16m4_t, vsext_vf2_i16m4, (vint8m2_t a, size_t vl), a.v[i])
GROAT_RVV_EACH(vint32m8_t, vwmacc_vx_i32m8, (vint32m8_t sum, int16_t a, vint16m4_t b, size_t vl),
               (int32_t)((uint32_t)sum.v[i] + (uint32_t)(a * b.v[i])))
GROAT_RVV_EACH(vint32m8_t, vwmacc_vv_i32m8, (vint32m8_t sum, vint16m4_t a, vint16m4_t b, size_t vl),
               (int32_t)((uint32_t)sum.v[i] + (uint32_t)(a.v[i] * b.v[i])))
GROAT_RVV_EACH(vint32m8_t, vsext_vf4_i32m8, (vint8m2_t a, size_t vl), a.v[i])
GROAT_RVV_EACH(vint32m8_t, vwadd_wv_i32m8, (vint32m8_t a, vint16m4_t b, size_t vl),
               (int32_t)((uint32_t)a.v[i] + (uint32_t)b.v[i]))
GROAT_RVV_EACH(vint16m8_t, vwmacc_vx_i16m8, (vint16m8_t sum, int8_t a, vint8m4_t b, size_t vl),
               (int16_t)(sum.v[i] + a * b.v[i]))
GROAT_RVV_EACH(vint16m4_t, vwsub_vx_i16m4, (vint8m2_t a, int8_t b, size_t vl), (int16_t)(a.v[i] - b))
GROAT_RVV_EACH(vuint16m4_t, vwmulu_vx_u16m4, (vuint8m2_t a, uint8_t b, size_t vl), (uint16_t)(a.v[i] * b))
GROAT_RVV_EACH(vint32m8_t, vwmul_vv_i32m8, (vint16m4_t a, vint16m4_t b, size_t vl), a.v[i] * b.v[i])
GROAT_RVV_EACH(vint16m4_t, vwmul_vv_i16m4, (vint8m2_t a, vint8m2_t b, size_t vl), (int16_t)(a.v[i] * b.v[i]))
GROAT_RVV_EACH(vint16m4_t, vwadd_wv_i16m4, (vint16m4_t a, vint8m2_t b, size_t vl), (int16_t)(a.v[i] + b.v[i]))
GROAT_RVV_EACH(vuint8m4_t, vnsrl_wx_u8m4, (vuint16m8_t a, size_t b, size_t vl), (uint8_t)(a.v[i] >> (b & 15)))
GROAT_RVV_EACH(vint16m4_t, vncvt_x_x_w_i16m4, (vint32m8_t a, size_t vl), (int16_t)a.v[i])
GROAT_RVV_EACH(vint8m2_t, vncvt_x_x_w_i8m2, (vint16m4_t a, size_t vl), (int8_t)a.v[i])
GROAT_RVV_EACH(vint16m4_t, vnclip_wv_i16m4, (vint32m8_t a, vuint16m4_t b, unsigned mode, size_t vl),
               ((void)mode, (int16_t)groat_rvv_saturate(groat_rvv_round(a.v[i], b.v[i] & 31), INT16_MIN, INT16_MAX)))
GROAT_RVV_EACH(vint16m4_t, vnclip_wx_i16m4, (vint32m8_t a, size_t b, unsigned mode, size_t vl),
               ((void)mode, (int16_t)groat_rvv_saturate(groat_rvv_round(a.v[i], b & 31), INT16_MIN, INT16_MAX)))
GROAT_RVV_EACH(vint8m2_t, vnclip_wx_i8m2, (vint16m4_t a, size_t b, unsigned mode, size_t vl),
               ((void)mode, (int8_t)groat_rvv_saturate(groat_rvv_round(a.v[i], b & 15), INT8_MIN, INT8_MAX)))

#endif
