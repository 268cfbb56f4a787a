/* SPDX-License-Identifier: Apache-2.0
 *
 * Scaling where the vector instructions' way does not hold; and on other machines.
 */
#include "scale.h"

#include "../requantize.h"

void groat_rvv_scale_any(const groat_rvv_scale *s, const int32_t *sums, int32_t offset, int8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int32_t y = groat_requantize(groat_add_wrap(sums[i], offset), s->multipliers[i], -s->shifts[i]);
        out[i] = (int8_t)groat_clamp(groat_add_wrap(y, s->zero_point), s->act_min, s->act_max);
    }
}

int groat_rvv_scales_valid(const int32_t *multipliers, const int16_t *shifts, uint32_t count, uint32_t general)
{
    if (general > 1) {
        return 0;
    }
    int32_t least = general ? -30 : 1;
    for (uint32_t i = 0; i < count; i++) {
        if (multipliers[i] < 0 || shifts[i] < least || shifts[i] > 31) {
            return 0;
        }
    }
    return 1;
}
