/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each output channel is a filter over one input channel.
 */
#include "channels.h"

int groat_depthwise_s8_needs_ref(const groat_depthwise_s8 *k, groat_needs *needs)
{
    uint64_t channels_out = (uint64_t)k->channels_in * k->multiplier;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * channels_out;
    needs->channels_bytes = channels_out * sizeof(groat_channel);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

int groat_depthwise_s8_check_ref(const groat_depthwise_s8 *k)
{
    return groat_channels_valid(k->channels, k->channels_in * k->multiplier);
}

void groat_depthwise_s8_ref(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t channels_out = k->channels_in * k->multiplier;
    const groat_channel *channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t i = 0, o = 0; i < k->channels_in; i++) {
            for (uint32_t m = 0; m < k->multiplier; m++, o++) {
                const groat_channel *channel = &channels[o];
                const int8_t *w = (const int8_t *)k->weights + o;
                uint32_t acc = (uint32_t)channel->bias;
                for (uint32_t r = 0; r < k->rows; r++) {
                    const int8_t *x = rows[r] + p * k->pixel_stride + i;
                    for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += channels_out) {
                        acc += (uint32_t)(*x * *w);
                    }
                }
                int32_t y = groat_requantize((int32_t)acc, channel->multiplier, channel->shift);
                *out++ = (int8_t)groat_clamp(groat_add_wrap(y, k->output_zero_point), k->act_min, k->act_max);
            }
        }
    }
}

/* There is nothing to gain here. */
int groat_depthwise_image_s8_needs_ref(const groat_depthwise_image_s8 *k, groat_needs *needs)
{
    (void)k;
    (void)needs;
    return 0;
}

void groat_depthwise_image_s8_ref(const groat_depthwise_image_s8 *k, const int8_t *in, int8_t *out)
{
    (void)k;
    (void)in;
    (void)out;
}
