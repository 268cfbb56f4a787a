/* SPDX-License-Identifier: Apache-2.0
 *
 * The rare side of a channel's constants: checking them, and channels without a proof; and what is too long for headers.
 */
#include "scalar.h"

int groat_scalar_channels_valid(const void *channels, uint32_t count, uint32_t positions)
{
    const groat_scalar_channel *c = channels;
    for (uint32_t i = 0; i < count; i++, c++) {
        uint32_t shift = c->shift;
        if (shift > 31) { /* one of three ranges of -31 to 30 */
            shift -= shift < 97 ? 33u : shift < 225 ? 97u : 225u;
            if (shift > 61) {
                return 0;
            }
        }
        if (c->multiplier < 0 || c->position >= positions) {
            return 0;
        }
    }
    return 1;
}

int32_t groat_scalar_general(int32_t acc, const groat_scalar_channel *channel, int32_t output_zero_point)
{
    int32_t shift = groat_scalar_proven(channel)         ? 1 - channel->shift
                    : groat_scalar_all_constant(channel) ? channel->shift - GROAT_SCALAR_ALL_CONSTANT
                    : groat_scalar_constant(channel)     ? channel->shift - GROAT_SCALAR_CONSTANT
                                                         : channel->shift - GROAT_SCALAR_GENERAL;
    return groat_add_wrap(groat_requantize(acc, channel->multiplier, shift), output_zero_point);
}

#if defined(__ARM_ARCH_6M__)
int32_t groat_scalar_high(int32_t a, int32_t b)
{
    /* No long multiplication: four short ones, and the carry of the lower half. */
    uint32_t a_low = (uint32_t)a & 0xffffu, b_low = (uint32_t)b & 0xffffu;
    int32_t a_high = a >> 16, b_high = b >> 16;
    int32_t middle = a_high * (int32_t)b_low + (int32_t)(a_low * b_low >> 16);
    int32_t other = (int32_t)a_low * b_high + (middle & 0xffff);
    return a_high * b_high + (middle >> 16) + (other >> 16);
}
#endif
