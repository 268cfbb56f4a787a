/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain layout of a channel's constants where activations are int16: what makes them valid, and what they do.
 */
#ifndef GROAT_REF_CHANNELS_S16_H
#define GROAT_REF_CHANNELS_S16_H

#include "../kernels.h"
#include "../requantize.h"

/* Products of an int16 and an int8 that 32 bits hold the sum of, whatever they are. */
enum {
    GROAT_CHUNK_S16 = 511
};

/* Multipliers and shifts are in the range that the requantisation of such accumulators takes. */
static inline int groat_channels_s16_valid(const groat_channel_s16 *channels, uint32_t count, uint32_t acc_bits)
{
    int32_t multiplier_max = acc_bits == 64 ? INT16_MAX : INT32_MAX;
    int32_t shift_max = acc_bits == 64 ? 14 : 30;
    for (const groat_channel_s16 *c = channels; c < channels + count; c++) {
        if (c->multiplier < 0 || c->multiplier > multiplier_max || c->shift < -31 || c->shift > shift_max) {
            return 0;
        }
    }
    return 1;
}

/* The sum of products of a run, exactly. */
static inline int64_t groat_dot_s16(const int16_t *x, const int8_t *w, uint32_t run)
{
    int64_t sum = 0;
    while (run > 0) {
        uint32_t count = run < GROAT_CHUNK_S16 ? run : GROAT_CHUNK_S16;
        int32_t chunk = 0;
        for (uint32_t i = 0; i < count; i++) {
            chunk += x[i] * w[i];
        }
        sum += chunk;
        x += count;
        w += count;
        run -= count;
    }
    return sum;
}

#endif
