/* SPDX-License-Identifier: Apache-2.0
 *
 * Poolings of floats over windows of pixels, row after row.
 */
#include "../float.h"

void KERNEL(average_pool)(const groat_pool_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    const float count = (float)(k->rows * k->taps);
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < k->channels; c++) {
            float sum = 0.0f;
            for (uint32_t r = 0; r < k->rows; r++) {
                const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
                    sum += WIDE(*x);
                }
            }
            *out++ = NARROW(groat_clamp_float(sum / count, k->act_min, k->act_max));
        }
    }
}

/* What is not a number never wins. */
void KERNEL(max_pool)(const groat_pool_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < k->channels; c++) {
            float most = -__builtin_inff();
            for (uint32_t r = 0; r < k->rows; r++) {
                const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
                    most = most < WIDE(*x) ? WIDE(*x) : most;
                }
            }
            *out++ = NARROW(groat_clamp_float(most, k->act_min, k->act_max));
        }
    }
}
