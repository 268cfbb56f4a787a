/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of floats share.  docs/NUMERICS.md has the order of operations: the same bits on every core.
 */
#ifndef GROAT_FLOAT_H
#define GROAT_FLOAT_H

#include "kernels.h"

/* Bits of float32. */
#define GROAT_FLOAT_INFINITE UINT32_C(0x7F800000)
#define GROAT_FLOAT_NAN UINT32_C(0x7FC00000)

static inline uint32_t groat_bits_of(float x)
{
    const union {
        float number;
        uint32_t bits;
    } both = {x};
    return both.bits;
}

static inline float groat_float_of(uint32_t bits)
{
    const union {
        uint32_t bits;
        float number;
    } both = {bits};
    return both.number;
}

/* What is not a number stays so. */
static inline float groat_clamp_float(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
