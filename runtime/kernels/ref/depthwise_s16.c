/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of int16 activations: each output channel is a filter over one input channel.
 */
#include "channels_s16.h"

int groat_depthwise_s16_needs_ref(const groat_depthwise_s16 *k, groat_needs *needs)
{
    uint64_t channels_out = (uint64_t)k->channels_in * k->multiplier;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * channels_out;
    needs->channels_bytes = channels_out * sizeof(groat_channel_s16);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

int groat_depthwise_s16_check_ref(const groat_depthwise_s16 *k)
{
    return groat_channels_s16_valid(k->channels, k->channels_in * k->multiplier, 64);
}

void groat_depthwise_s16_ref(const groat_depthwise_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    uint32_t channels_out = k->channels_in * k->multiplier;
    const groat_channel_s16 *channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t i = 0, o = 0; i < k->channels_in; i++) {
            for (uint32_t m = 0; m < k->multiplier; m++, o++) {
                const groat_channel_s16 *channel = &channels[o];
                const int8_t *w = (const int8_t *)k->weights + o;
                uint64_t acc = (uint64_t)channel->bias;
                for (uint32_t r = 0; r < k->rows; r++) {
                    const int16_t *x = (const int16_t *)(const void *)rows[r] + p * k->pixel_stride + i;
                    for (uint32_t t = 0; t < k->taps;) {
                        uint32_t end = k->taps - t < GROAT_CHUNK_S16 ? k->taps : t + GROAT_CHUNK_S16;
                        int32_t chunk = 0;
                        for (; t < end; t++, x += k->tap_stride, w += channels_out) {
                            chunk += *x * *w;
                        }
                        acc += (uint64_t)(int64_t)chunk;
                    }
                }
                int32_t y = groat_requantize_wide((int64_t)acc, channel->multiplier, channel->shift);
                *out++ = (int16_t)groat_clamp(y, k->act_min, k->act_max);
            }
        }
    }
}
