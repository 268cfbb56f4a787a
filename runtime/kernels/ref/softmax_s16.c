/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of one row of int16: exponentials and their sum's reciprocal come from two tables, by linear interpolation
 * (docs/NUMERICS.md).  The output holds the exponentials until their sum is known.
 */
#include "../interpolate.h"
#include "../kernels.h"
#include "../requantize.h"

void groat_softmax_s16_ref(const groat_softmax_s16 *k, const int16_t *in, int16_t *out, uint32_t count)
{
    int32_t max = INT16_MIN;
    for (uint32_t i = 0; i < count; i++) {
        max = in[i] > max ? in[i] : max;
    }
    /* Q15, at least 2: fewer than 2^16 exponentials fit. */
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t scaled = groat_requantize(in[i] - max, k->multiplier, k->shift);
        int32_t exp =
            groat_interpolate_s16(k->exp_table, groat_clamp(groat_add_wrap(scaled, INT16_MAX), INT16_MIN, INT16_MAX));
        out[i] = (int16_t)exp;
        sum += (uint32_t)exp;
    }
    int32_t headroom = __builtin_clz(sum) - 1;
    /* The sum in [1, 2), Q16. */
    int32_t mantissa = (int32_t)(((sum << headroom) + (1 << 13)) >> 14);
    int32_t x = groat_clamp(mantissa - (1 << 16) - (1 << 15), INT16_MIN, INT16_MAX);
    int32_t reciprocal = groat_interpolate_s16(k->reciprocal_table, x);
    int32_t shift = 30 - headroom;
    for (uint32_t i = 0; i < count; i++) {
        int32_t y = (int32_t)(((int64_t)out[i] * reciprocal + ((int64_t)1 << (shift - 1))) >> shift);
        out[i] = (int16_t)groat_clamp(y, 0, INT16_MAX);
    }
}
