/* SPDX-License-Identifier: Apache-2.0
 *
 * Fixed-point scaling, bit-exact to gemmlowp's double rounding as TensorFlow Lite Micro uses it
 * (docs/NUMERICS.md).  Products of sums that could overflow are taken modulo 2^32, so no input is undefined.
 */
#ifndef GROAT_REQUANTIZE_H
#define GROAT_REQUANTIZE_H

#include <stdint.h>

/* round(a * b / 2^31), ties towards plus infinity; saturates the one product that does not fit. */
static inline int32_t groat_mul_high(int32_t a, int32_t b)
{
    int64_t product = (int64_t)a * b;
    int32_t high = (int32_t)((product + (1 << 30)) >> 31);
    return (a == INT32_MIN && b == INT32_MIN) ? INT32_MAX : high;
}

/* round(x / 2^exponent), ties away from zero; exponent 0 to 31. */
static inline int32_t groat_round_shift(int32_t x, int32_t exponent)
{
    uint32_t mask = (1u << exponent) - 1u;
    uint32_t remainder = (uint32_t)x & mask;
    uint32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + (remainder > threshold);
}

/* x * multiplier * 2^(shift - 31), rounded twice; shift -31 to 30. */
static inline int32_t groat_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    int32_t left = shift > 0 ? shift : 0;
    int32_t right = shift > 0 ? 0 : -shift;
    int32_t shifted = (int32_t)((uint32_t)x << left);
    return groat_round_shift(groat_mul_high(shifted, multiplier), right);
}

/* x * multiplier * 2^(shift - 15), rounded once, halves up; what 64 and then 32 bits cannot hold wraps.  The multiplier
 * is 0 to 32767, the shift -31 to 14. */
static inline int32_t groat_requantize_wide(int64_t x, int32_t multiplier, int32_t shift)
{
    int32_t right = 15 - shift;
    uint64_t product = (uint64_t)x * (uint32_t)multiplier + ((uint64_t)1 << (right - 1));
    return (int32_t)((int64_t)product >> right);
}

static inline int32_t groat_add_wrap(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t groat_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
