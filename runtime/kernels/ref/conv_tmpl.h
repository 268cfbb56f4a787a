/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of floats: a dot product over rows, taps and runs for each channel of each pixel, in
 * that order, from zero; the bias comes last.
 */
#include "../float.h"

int NEEDS(conv)(const groat_conv_float *k, groat_needs *needs)
{
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out * sizeof(ELEMENT);
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

void KERNEL(conv)(const groat_conv_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    const float *bias = k->channels;
    for (uint32_t p = 0; p < pixels; p++, out += k->out_stride) {
        const ELEMENT *w = k->weights;
        for (uint32_t o = 0; o < k->channels_out; o++) {
            float acc = 0.0f;
            for (uint32_t r = 0; r < k->rows; r++) {
                const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + p * k->pixel_stride;
                for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
                    for (uint32_t i = 0; i < k->run; i++) {
                        acc += WIDE(x[i]) * WIDE(*w);
                        w++;
                    }
                }
            }
            out[o] = NARROW(groat_clamp_float(acc + bias[o], k->act_min, k->act_max));
        }
    }
}
