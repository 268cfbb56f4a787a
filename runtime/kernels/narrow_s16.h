/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of int16 activations that are proven to fit 32 bits, by every kernel set that has kernels for them: a channel's
 * constants, written by python/groat/pack/layouts/narrow_s16.py, and how they scale a sum.
 *
 * groat_requantize_wide is floor((acc * m + 2^(r - 1)) / 2^r).  For r >= 17 the lowest 16 bits of the product have no
 * part in it: it is (floor(acc * m / 2^16) + 2^(r - 17)) >> (r - 16), and all of that fits 32 bits.
 */
#ifndef GROAT_NARROW_S16_H
#define GROAT_NARROW_S16_H

#include <stdint.h>

typedef struct narrow_channel_s16 {
    int32_t bias;
    int32_t multiplier;     /* 0 to 32767 */
    int32_t half;           /* 2^(shift - 1) */
    int32_t shift;          /* to the right, 1 to 30 */
} narrow_channel_s16;

static inline int narrow_s16_valid(const narrow_channel_s16 *channels, uint32_t count)
{
    for (const narrow_channel_s16 *c = channels; c < channels + count; c++) {
        if (c->multiplier < 0 || c->multiplier > INT16_MAX || c->shift < 1 || c->shift > 30 ||
            c->half != 1 << (c->shift - 1)) {
            return 0;
        }
    }
    return 1;
}

static inline int32_t narrow_s16_scale(int32_t acc, const narrow_channel_s16 *c)
{
    return ((int32_t)((int64_t)acc * c->multiplier >> 16) + c->half) >> c->shift;
}

#endif
