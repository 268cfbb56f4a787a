/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums and products of floats.
 */
#include "../float.h"

void KERNEL(add)(const groat_elementwise_float *k, const ELEMENT *a, uint32_t a_step, const ELEMENT *b, uint32_t b_step,
                 ELEMENT *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        out[i] = NARROW(groat_clamp_float(WIDE(*a) + WIDE(*b), k->act_min, k->act_max));
    }
}

void KERNEL(mul)(const groat_elementwise_float *k, const ELEMENT *a, uint32_t a_step, const ELEMENT *b, uint32_t b_step,
                 ELEMENT *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        out[i] = NARROW(groat_clamp_float(WIDE(*a) * WIDE(*b), k->act_min, k->act_max));
    }
}
