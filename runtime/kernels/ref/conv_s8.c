/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers: a dot product over rows, taps and runs for each channel of each pixel.
 */
#include "channels.h"

int groat_conv_s8_needs_ref(const groat_conv_s8 *k, groat_needs *needs)
{
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out;
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(groat_channel);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

int groat_conv_s8_check_ref(const groat_conv_s8 *k)
{
    return groat_channels_valid(k->channels, k->channels_out);
}

void groat_conv_s8_ref(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const groat_channel *channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++, out += k->out_stride) {
        const int8_t *w = k->weights;
        for (uint32_t o = 0; o < k->channels_out; o++) {
            const groat_channel *channel = &channels[o];
            uint32_t acc = (uint32_t)channel->bias + (uint32_t)k->acc_offset;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int8_t *x = rows[r] + p * k->pixel_stride;
                for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
                    for (uint32_t i = 0; i < k->run; i++) {
                        acc += (uint32_t)(x[i] * *w++);
                    }
                }
            }
            int32_t y = groat_requantize((int32_t)acc, channel->multiplier, channel->shift);
            out[o] = (int8_t)groat_clamp(groat_add_wrap(y, k->output_zero_point), k->act_min, k->act_max);
        }
    }
}

/* This is the order of the model. */
int groat_conv_plain_s8_needs_ref(const groat_conv_s8 *k, groat_needs *needs)
{
    groat_conv_s8_needs_ref(k, needs);
    return 1;
}

void groat_conv_plain_s8_begin_ref(groat_conv_s8 *k)
{
    k->layout = 0;
}

void groat_conv_plain_s8_ref(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8_ref(k, rows, out, pixels);
}
