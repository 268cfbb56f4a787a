/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of one row.  exp(x - max) depends on at most 256 differences, so the host has tabulated it; what is
 * left is a sum, one reciprocal and a product for each element (docs/NUMERICS.md).
 */
#include "../kernels.h"
#include "../requantize.h"
#include "../softmax.h"

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
    int32_t scale = groat_reciprocal_one_plus((int32_t)((sum << headroom) - (1u << 31)));
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
