/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of one row.  exp(x - max) depends on at most 256 differences, so the host has tabulated it; what is
 * left is a sum, one reciprocal and a product for each element (docs/NUMERICS.md).
 */
#include "../kernels.h"
#include "../requantize.h"

/* 1 / (1 + x) for x in [0, 1), both Q31: three Newton-Raphson steps from 48/17 - 32/17 * (1 + x) / 2, in Q29. */
static int32_t reciprocal_one_plus(int32_t x)
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

void groat_softmax_s8_ref(const int32_t *table, uint32_t table_count, const int8_t *in, int8_t *out, uint32_t count)
{
    int32_t max = INT8_MIN;
    for (uint32_t i = 0; i < count; i++) {
        max = in[i] > max ? in[i] : max;
    }
    /* Q12.19: up to 4095 elements of one cannot overflow. */
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t difference = (uint32_t)(max - in[i]);
        if (difference < table_count) {
            sum += (uint32_t)groat_round_shift(table[difference], 12);
        }
    }
    int32_t headroom = sum != 0 ? __builtin_clz(sum) : 0;
    int32_t scale = reciprocal_one_plus((int32_t)((sum << headroom) - (1u << 31)));
    int32_t shift = 12 - headroom + 31 - 8;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t difference = (uint32_t)(max - in[i]);
        int32_t y = INT8_MIN;
        if (difference < table_count) {
            /* From 512 near-equal elements on, each is less than half a step. */
            y = shift > 31 ? 0 : groat_round_shift(groat_mul_high(scale, table[difference]), shift);
            y = groat_clamp(groat_add_wrap(y, INT8_MIN), INT8_MIN, INT8_MAX);
        }
        out[i] = (int8_t)y;
    }
}
