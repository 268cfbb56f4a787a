/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layers with weights of four bits, each channel's in words of eight of its own.
 */
#include "../nibbles.h"
#include "channels.h"

int groat_dense_s4_needs_ref(const groat_dense_s4 *k, groat_needs *needs)
{
    needs->weights_bytes = groat_nibbles_bytes(k->depth) * k->channels_out;
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(groat_channel);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

int groat_dense_s4_check_ref(const groat_dense_s4 *k)
{
    return groat_channels_valid(k->channels, k->channels_out);
}

void groat_dense_s4_ref(const groat_dense_s4 *k, const int8_t *x, int8_t *out)
{
    const groat_channel *channel = k->channels;
    const uint8_t *w = k->weights;
    /* Nibbles hold the weight plus 8. */
    const int32_t offset = groat_dense_offset(k->weights_zero_point + 8, groat_sum_of_inputs(x, k->depth));
    for (uint32_t o = 0; o < k->channels_out; o++, channel++, w += groat_nibbles_bytes(k->depth)) {
        uint32_t acc = (uint32_t)channel->bias + (uint32_t)offset;
        for (uint32_t i = 0; i < k->depth; i++) {
            int32_t nibble = w[i / 8 * 4 + i % 4] >> (i % 8 < 4 ? 0 : 4) & 15;
            acc += (uint32_t)(x[i] * nibble);
        }
        int32_t y = groat_requantize((int32_t)acc, channel->multiplier, channel->shift);
        out[o] = (int8_t)groat_clamp(groat_add_wrap(y, k->output_zero_point), k->act_min, k->act_max);
    }
}
