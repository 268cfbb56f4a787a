/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two arrays of different scales, brought to a common one first.
 */
#include "../kernels.h"
#include "../requantize.h"

static int32_t rescale(int32_t x, int32_t multiplier, int32_t shift)
{
    return groat_round_shift(groat_mul_high(x, multiplier), -shift);
}

void groat_add_s8_ref(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t x = rescale((int32_t)((uint32_t)(*a - k->a_zero_point) << k->left_shift), k->a_multiplier, k->a_shift);
        int32_t y = rescale((int32_t)((uint32_t)(*b - k->b_zero_point) << k->left_shift), k->b_multiplier, k->b_shift);
        int32_t sum = rescale(groat_add_wrap(x, y), k->output_multiplier, k->output_shift);
        out[i] = (int8_t)groat_clamp(groat_add_wrap(sum, k->output_zero_point), k->act_min, k->act_max);
    }
}
