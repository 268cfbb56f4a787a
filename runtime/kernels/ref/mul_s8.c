/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two arrays of different scales.
 */
#include "../kernels.h"
#include "../requantize.h"

void groat_mul_s8_ref(const groat_mul_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t product = (*a - k->a_zero_point) * (*b - k->b_zero_point);
        int32_t y = groat_requantize(product, k->multiplier, k->shift);
        out[i] = (int8_t)groat_clamp(groat_add_wrap(y, k->output_zero_point), k->act_min, k->act_max);
    }
}
