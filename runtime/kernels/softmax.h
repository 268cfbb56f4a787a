/* SPDX-License-Identifier: Apache-2.0
 *
 * The one division of a softmax, once a row, which every kernel set must do alike (docs/NUMERICS.md).
 */
#ifndef GROAT_SOFTMAX_H
#define GROAT_SOFTMAX_H

#include "requantize.h"

/* 1 / (1 + x) for x in [0, 1), both Q31: three Newton-Raphson steps from 48/17 - 32/17 * (1 + x) / 2, in Q29. */
static inline int32_t groat_reciprocal_one_plus(int32_t x)
{
    const int32_t one_q29 = 1 << 29;
    int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t y = groat_add_wrap(1515870810, groat_mul_high(half_denominator, -1010580540));
    for (int step = 0; step < 3; step++) {
        int32_t error = groat_add_wrap(one_q29, (int32_t)(0u - (uint32_t)groat_mul_high(half_denominator, y)));
        y = groat_add_wrap(y, (int32_t)((uint32_t)groat_mul_high(y, error) << 2));
    }
    return y >= 1 << 30 ? INT32_MAX : (int32_t)((uint32_t)y << 1);
}

#endif
