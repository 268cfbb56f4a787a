/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-bit weights, unpacked to those of the s8 kernels.
 */
#include "../nibbles.h"
#include "scalar.h"

int groat_conv_s8_needs_scalar(const groat_conv_s8 *k, groat_needs *needs);
int groat_conv_s8_check_scalar(const groat_conv_s8 *k);
int groat_depthwise_s8_needs_scalar(const groat_depthwise_s8 *k, groat_needs *needs);

int groat_conv_s4_needs_scalar(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = groat_conv_s8_needs_scalar(k, needs);
    groat_nibbles_needs(needs, groat_nibbles_bytes(needs->weights_bytes));
    return known;
}

int groat_conv_s4_check_scalar(const groat_conv_s8 *k)
{
    return groat_conv_s8_check_scalar(k);
}

void groat_conv_s4_unpack_scalar(groat_conv_s8 *k)
{
    groat_needs needs;
    groat_conv_s8_needs_scalar(k, &needs);
    groat_unpack_words(k->weights, k->scratch, (uint32_t)needs.weights_bytes);
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
    if (k->channels_in == 1) {
        groat_conv_s8 convolution = as_convolution(k);
        return groat_conv_s8_check_scalar(&convolution);
    }
    return groat_scalar_channels_valid(k->channels, k->channels_in * k->multiplier, k->channels_in * k->multiplier);
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
