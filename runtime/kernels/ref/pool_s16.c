/* SPDX-License-Identifier: Apache-2.0
 *
 * Average and maximum of int16 over a window of pixels, channel by channel.
 */
#include "../kernels.h"
#include "../requantize.h"

void groat_average_pool_s16_ref(const groat_pool_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    int32_t count = (int32_t)(k->rows * k->taps);
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < k->channels; c++) {
            int32_t sum = 0;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int16_t *x = (const int16_t *)(const void *)rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
                    sum += *x;
                }
            }
            /* Rounds half away from zero: division truncates.  Halves of fewer than 2^16 do not overflow the sum. */
            int32_t y = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
            *out++ = (int16_t)groat_clamp(y, k->act_min, k->act_max);
        }
    }
}

void groat_max_pool_s16_ref(const groat_pool_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < k->channels; c++) {
            int32_t y = INT16_MIN;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int16_t *x = (const int16_t *)(const void *)rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
                    y = *x > y ? *x : y;
                }
            }
            *out++ = (int16_t)groat_clamp(y, k->act_min, k->act_max);
        }
    }
}
