/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of floats: each output channel is a filter over one input channel, summed over rows and taps in
 * that order, from zero; the bias comes last.
 */
#include "../float.h"

int NEEDS(depthwise)(const groat_depthwise_float *k, groat_needs *needs)
{
    uint64_t channels_out = (uint64_t)k->channels_in * k->multiplier;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * channels_out * sizeof(ELEMENT);
    needs->channels_bytes = channels_out * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

void KERNEL(depthwise)(const groat_depthwise_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    uint32_t channels_out = k->channels_in * k->multiplier;
    const float *bias = k->channels;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t i = 0, o = 0; i < k->channels_in; i++) {
            for (uint32_t m = 0; m < k->multiplier; m++, o++) {
                const ELEMENT *w = (const ELEMENT *)k->weights + o;
                float acc = 0.0f;
                for (uint32_t r = 0; r < k->rows; r++) {
                    const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + p * k->pixel_stride + i;
                    for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += channels_out) {
                        acc += WIDE(*x) * WIDE(*w);
                    }
                }
                *out++ = NARROW(groat_clamp_float(acc + bias[o], k->act_min, k->act_max));
            }
        }
    }
}
