/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of int16 activations: a dot product over rows, taps and runs for each channel of each
 * pixel.
 */
#include "channels_s16.h"

int groat_conv_s16_needs_ref(const groat_conv_s16 *k, groat_needs *needs)
{
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out;
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(groat_channel_s16);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

int groat_conv_s16_check_ref(const groat_conv_s16 *k)
{
    return groat_channels_s16_valid(k->channels, k->channels_out, k->acc_bits);
}

void groat_conv_s16_ref(const groat_conv_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    const groat_channel_s16 *channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++, out += k->out_stride) {
        const int8_t *w = k->weights;
        for (uint32_t o = 0; o < k->channels_out; o++) {
            const groat_channel_s16 *channel = &channels[o];
            uint64_t acc = (uint64_t)channel->bias + (uint64_t)k->acc_offset;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int16_t *x = (const int16_t *)(const void *)rows[r] + p * k->pixel_stride;
                for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += k->run) {
                    acc += (uint64_t)groat_dot_s16(x, w, k->run);
                }
            }
            int32_t y = k->acc_bits == 64 ? groat_requantize_wide((int64_t)acc, channel->multiplier, channel->shift)
                                          : groat_requantize((int32_t)acc, channel->multiplier, channel->shift);
            out[o] = (int16_t)groat_clamp(y, k->act_min, k->act_max);
        }
    }
}
