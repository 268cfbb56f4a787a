/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two int16 arrays with scales of their own: both are brought to a common, finer scale first.
 */
#include "../kernels.h"
#include "../requantize.h"

static int32_t rescale(int32_t x, int32_t multiplier, int32_t shift)
{
    return groat_round_shift(groat_mul_high(x, multiplier), -shift);
}

void groat_add_s16_ref(const groat_add_s16 *k, const int16_t *a, uint32_t a_step, const int16_t *b, uint32_t b_step,
                       int16_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t x = rescale(*a * (1 << k->left_shift), k->a_multiplier, k->a_shift);
        int32_t y = rescale(*b * (1 << k->left_shift), k->b_multiplier, k->b_shift);
        int32_t sum = rescale(groat_add_wrap(x, y), k->output_multiplier, k->output_shift);
        out[i] = (int16_t)groat_clamp(sum, k->act_min, k->act_max);
    }
}
