/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain layout of a channel's constants, and what makes them valid.
 */
#ifndef GROAT_REF_CHANNELS_H
#define GROAT_REF_CHANNELS_H

#include "../kernels.h"
#include "../requantize.h"

/* Multipliers and shifts are in the range that groat_requantize takes. */
static inline int groat_channels_valid(const groat_channel *channels, uint32_t count)
{
    for (const groat_channel *c = channels; c < channels + count; c++) {
        if (c->multiplier < 0 || (uint32_t)c->shift + 31u > 61u) {
            return 0;
        }
    }
    return 1;
}

#endif
