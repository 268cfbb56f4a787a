/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-bit weights, unpacked to those of the s8 kernels.
 *
 * Sixteen products of them fit the chunks of conv_s8 whatever the weights are, so the lengths of chunks need no proof and
 * no flash: they are written here.
 */
#include "../nibbles.h"
#include "scalar.h"

#define LENGTH 16u /* products in a chunk */

int groat_conv_s8_needs_scalar(const groat_conv_s8 *k, groat_needs *needs);
int groat_depthwise_s8_needs_scalar(const groat_depthwise_s8 *k, groat_needs *needs);

static uint32_t depth_of(const groat_conv_s8 *k)
{
    return k->rows * k->taps * k->run;
}

/* Bytes of the weights alone, without the lengths behind them. */
static uint64_t weights_of(const groat_conv_s8 *k)
{
    groat_conv_s8 plain = *k;
    groat_needs needs;
    plain.layout = 0;
    groat_conv_s8_needs_scalar(&plain, &needs);
    return needs.weights_bytes;
}

static uint64_t lengths_of(const groat_conv_s8 *k)
{
    uint64_t each = ((uint64_t)depth_of(k) + LENGTH - 1) / LENGTH;
    return k->layout == 0 ? 0 : ((uint64_t)k->channels_out + 1) / 2 * each;
}

int groat_conv_s4_needs_scalar(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = groat_conv_s8_needs_scalar(k, needs);
    uint64_t weights = weights_of(k);
    known = known && weights + lengths_of(k) <= needs->weights_bytes;
    groat_nibbles_needs(needs, groat_nibbles_bytes(weights));
    return known;
}

int groat_conv_s4_check_scalar(const groat_conv_s8 *k)
{
    return groat_scalar_channels_valid(k->channels, k->channels_out);
}

void groat_conv_s4_unpack_scalar(groat_conv_s8 *k)
{
    groat_needs needs;
    groat_conv_s8_needs_scalar(k, &needs);
    uint32_t weights = (uint32_t)weights_of(k);
    groat_unpack_words(k->weights, k->scratch, weights);
    uint8_t *length = (uint8_t *)k->scratch + weights;
    const uint8_t *end = length + lengths_of(k);
    while (length != end) {
        uint32_t left = depth_of(k);
        for (; left > LENGTH; left -= LENGTH) {
            *length++ = 8 * LENGTH;
        }
        *length++ = (uint8_t)(8 * left);
    }
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}

/* Filters over one input channel, as the convolution that they are packed as. */
static groat_conv_s8 as_convolution(const groat_depthwise_s8 *k)
{
    return (groat_conv_s8){
        .weights = k->weights,
        .channels = k->channels,
        .layout = k->layout,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = k->taps,
        .run = 1,
        .scratch = k->scratch,
    };
}

int groat_depthwise_s4_needs_scalar(const groat_depthwise_s8 *k, groat_needs *needs)
{
    if (k->channels_in == 1) {
        groat_conv_s8 convolution = as_convolution(k);
        int known = groat_conv_s4_needs_scalar(&convolution, needs);
        groat_needs s8;
        groat_conv_s8_needs_scalar(&convolution, &s8);
        needs->scratch_bytes -= s8.scratch_bytes;
        return known;
    }
    int known = groat_depthwise_s8_needs_scalar(k, needs);
    groat_nibbles_needs_alone(needs, groat_nibbles_bytes(needs->weights_bytes));
    return known;
}

int groat_depthwise_s4_check_scalar(const groat_depthwise_s8 *k)
{
    return groat_scalar_channels_valid(k->channels, k->channels_in * k->multiplier);
}

void groat_depthwise_s4_unpack_scalar(groat_depthwise_s8 *k)
{
    if (k->channels_in == 1) {
        groat_conv_s8 convolution = as_convolution(k);
        groat_conv_s4_unpack_scalar(&convolution);
        k->weights = convolution.weights;
        k->scratch = convolution.scratch;
        return;
    }
    groat_needs needs;
    groat_depthwise_s8_needs_scalar(k, &needs);
    groat_unpack_words(k->weights, k->scratch, (uint32_t)needs.weights_bytes);
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}
