/* SPDX-License-Identifier: Apache-2.0
 *
 * The fused multiply-add that kernel sets for cores with floating-point units sum with; elsewhere the same bits.
 */
#ifndef GROAT_FMA_H
#define GROAT_FMA_H

#include "float.h"

/* a * b + c, rounded once. */
static inline float groat_fma(float a, float b, float c)
{
#if defined(__ARM_FEATURE_FMA) || defined(__riscv_f)
    return __builtin_fmaf(a, b, c);
#else
    /* The product is exact in double.  The sum is rounded to odd, of the two doubles around it to that whose last bit is
     * set; a float has so many fewer bits that rounding it again is as good as rounding once. */
    const double product = (double)a * b;
    union {
        double number;
        uint64_t bits;
    } sum = {product + c};
    const double added = sum.number - product;
    const double missed = (product - (sum.number - added)) + (c - added);
    if (missed != 0.0 && missed - missed == 0.0 && sum.bits % 2 == 0) {
        sum.bits += (missed > 0.0) == (sum.number > 0.0) ? 1u : UINT64_MAX;
    }
    return (float)sum.number;
#endif
}

#endif
