/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants as the Helium kernels read them, from the plain layout: a second, plainer writing of what
 * python/groat/pack/layouts/mve.py does, with every layout drawn at random where it is allowed.
 */
#include "../../runtime/kernels/mve/scale.h"
#include "checkkernel.h"
#include "harness.h"

_Static_assert(GROAT_PACKING_SELECTED == GROAT_PACKING_MVE, "link the layouts of the kernels' own packing instead");

/* Multipliers and shifts by fours; what is filled up suits every layout. */
static const groat_quad *lay_out_channels(const groat_channel *channels, uint32_t count, uint32_t *layout)
{
    groat_quad *quads = take_aligned(quads_of(count) * (uint32_t)sizeof *quads);
    uint32_t best = LAYOUT_DOWN;
    for (uint32_t o = 0; o < 4 * quads_of(count); o++) {
        quads[o / 4].multiplier[o % 4] = o < count ? channels[o].multiplier : 0;
        quads[o / 4].shift[o % 4] = o < count ? channels[o].shift : -1;
        uint32_t here = quads[o / 4].shift[o % 4];
        best = (int32_t)here > 0 ? LAYOUT_GENERAL : here == 0 && best == LAYOUT_DOWN ? LAYOUT_NEVER_UP : best;
    }
    *layout = (uint32_t)random_between(LAYOUT_GENERAL, (int32_t)best);
    return quads;
}

/* Weights of `count` channels by fours: their biases, then blocks of sixteen of each.  Weight i of a channel stands at
 * place(i), the next channel's `channel_step` on. */
static const int8_t *lay_out_weights(const int8_t *plain, const groat_channel *channels, uint32_t count, uint32_t terms,
                                     uint32_t padded, uint32_t term_step, uint32_t channel_step,
                                     uint32_t (*place)(const void *, uint32_t), const void *context)
{
    const uint32_t quad_bytes = 16 + 4 * padded;
    int8_t *out = take_aligned(quads_of(count) * quad_bytes);
    for (volatile int8_t *zero = out; zero < out + quads_of(count) * quad_bytes; zero++) {
        *zero = 0; /* volatile: as a call of a library it would not link everywhere */
    }
    for (uint32_t o = 0; o < count; o++) {
        int8_t *quad = out + o / 4 * quad_bytes;
        __builtin_memcpy(quad + o % 4 * 4, &channels[o].bias, 4);
        for (uint32_t i = 0; i < terms; i++) {
            uint32_t at = place(context, i);
            quad[16 + at / 16 * 64 + o % 4 * 16 + at % 16] = plain[o * channel_step + i * term_step];
        }
    }
    return out;
}

static uint32_t in_order(const void *context, uint32_t i)
{
    (void)context;
    return i;
}

/* Words of four rows, column by column. */
static uint32_t by_columns(const void *context, uint32_t i)
{
    const groat_depthwise_s8 *k = context;
    uint32_t row = i / k->taps, tap = i % k->taps;
    return (tap * ((k->rows + 3) / 4) + row / 4) * 4 + row % 4;
}

static uint32_t round_up(uint32_t count)
{
    return (count + 15) / 16 * 16;
}

void lay_out_conv_s8(groat_conv_s8 *k)
{
    const groat_channel *channels = k->channels;
    uint32_t terms = k->rows * k->taps * k->run;
    k->channels = lay_out_channels(channels, k->channels_out, &k->layout);
    k->weights = lay_out_weights(k->weights, channels, k->channels_out, terms, round_up(terms), 1, terms, in_order, k);
}

void lay_out_depthwise_s8(groat_depthwise_s8 *k)
{
    const groat_channel *channels = k->channels;
    uint32_t count = k->channels_in * k->multiplier, terms = k->rows * k->taps;
    uint32_t padded = round_up(k->channels_in == 1 ? terms : (k->rows + 3) / 4 * 4 * k->taps);
    k->channels = lay_out_channels(channels, count, &k->layout);
    k->weights = lay_out_weights(k->weights, channels, count, terms, padded, count, 1,
                                 k->channels_in == 1 ? in_order : by_columns, k);
}
