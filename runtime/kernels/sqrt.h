/* SPDX-License-Identifier: Apache-2.0
 *
 * The square root of float32, correctly rounded: by an instruction where there is one, with the same results elsewhere.
 */
#ifndef GROAT_SQRT_H
#define GROAT_SQRT_H

#include "float.h"

static inline float groat_sqrt(float x)
{
#if defined(__ARM_FP) && (__ARM_FP & 4) && defined(__thumb2__)
    float y;
    __asm__("vsqrt.f32 %0, %1" : "=t"(y) : "t"(x));
    return y;
#elif defined(__riscv_flen)
    float y;
    __asm__("fsqrt.s %0, %1" : "=f"(y) : "f"(x));
    return y;
#else
    uint32_t bits = groat_bits_of(x);
    if (bits == 0x80000000u || bits == 0 || !(x < __builtin_inff()) || x < 0.0f) {
        return x < 0.0f ? __builtin_nanf("") : x; /* 0, -0, infinity, not a number */
    }
    /* x = m * 2^(2 e) with m of 24 or 25 bits: 24 bits of the root of m * 2^23 or more, one by one, and one to round. */
    int32_t exponent = (int32_t)(bits >> 23);
    uint32_t m = bits & 0x7fffffu;
    if (exponent == 0) {
        int32_t shift = __builtin_clz(m) - 8;
        m <<= shift;
        exponent = 1 - shift;
    } else {
        m |= 0x800000u;
    }
    exponent -= 127;
    if (exponent & 1) {
        m <<= 1;
        exponent -= 1;
    }
    uint32_t rest = 0, root = 0;
    uint64_t digits = (uint64_t)m << 25; /* two more for each bit of the root: 50 bits in all */
    for (int i = 48; i >= 0; i -= 2) {
        rest = rest << 2 | (uint32_t)(digits >> i & 3u);
        uint32_t trial = root << 2 | 1u;
        root <<= 1;
        if (rest >= trial) {
            rest -= trial;
            root |= 1u;
        }
    }
    /* 25 bits, the last to round by: a tie is impossible, since its square would need more bits than x has. */
    root = (root >> 1) + (root & 1u);
    return groat_float_of(((uint32_t)(exponent / 2 + 127) << 23) + (root - 0x800000u));
#endif
}

#endif
