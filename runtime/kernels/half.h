/* SPDX-License-Identifier: Apache-2.0
 *
 * float16 to float32 and back, rounded to nearest, ties to even: by an instruction where there is one, with the same
 * results elsewhere.
 */
#ifndef GROAT_HALF_H
#define GROAT_HALF_H

#include "float.h"

/* Cores with fused multiply-adds have the conversions, too. */
#if defined(__ARM_FEATURE_FMA) && defined(__thumb2__)
#define GROAT_HALF_ARM 1
#else
#define GROAT_HALF_ARM 0
#endif

#if defined(__riscv_zfhmin) || defined(__riscv_zfh)
#define GROAT_HALF_RISCV 1
#else
#define GROAT_HALF_RISCV 0
#endif

static inline float groat_float_of_half(uint16_t half)
{
#if GROAT_HALF_ARM
    float y;
    __asm__("vcvtb.f32.f16 %0, %1" : "=t"(y) : "t"(groat_float_of(half)));
    return y;
#elif GROAT_HALF_RISCV
    const union {
        uint16_t bits;
        _Float16 number;
    } both = {half};
    return (float)both.number;
#else
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t rest = half & 0x7fffu;
    if (rest >= 0x7c00u) { /* infinite, or no number, which becomes a quiet one */
        return groat_float_of(sign | 0x7f800000u | (rest & 0x3ffu) << 13 | (rest > 0x7c00u ? 0x400000u : 0u));
    }
    if (rest < 0x400u) { /* subnormal there, but not here */
        float y = (float)rest * 0x1p-24f;
        return sign ? -y : y;
    }
    return groat_float_of(sign | ((rest << 13) + (112u << 23)));
#endif
}

/* From 65,520 on it is infinite. */
static inline uint16_t groat_half_of(float x)
{
#if GROAT_HALF_ARM
    float y = 0.0f;
    __asm__("vcvtb.f16.f32 %0, %1" : "+t"(y) : "t"(x));
    return (uint16_t)groat_bits_of(y);
#elif GROAT_HALF_RISCV
    const union {
        _Float16 number;
        uint16_t bits;
    } both = {(_Float16)x};
    return both.bits;
#else
    uint32_t bits = groat_bits_of(x);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x3ffu));
    }
    if (rest >= 0x477ff000u) {
        return (uint16_t)(sign | 0x7c00u);
    }
    if (rest >= 0x38800000u) {
        return (uint16_t)(sign | (rest - (112u << 23) + 0xfffu + (rest >> 13 & 1u)) >> 13);
    }
    uint32_t exponent = rest >> 23;
    if (exponent < 102u) {
        return (uint16_t)sign; /* less than half of the smallest */
    }
    uint32_t shift = 126u - exponent;
    uint32_t mantissa = (rest & 0x7fffffu) | 0x800000u;
    uint32_t whole = mantissa >> shift;
    return (uint16_t)(sign | (whole + (((mantissa & ((1u << shift) - 1u)) + (whole & 1u)) > 1u << (shift - 1u))));
#endif
}

#endif
