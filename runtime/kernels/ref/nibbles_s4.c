/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-bit weights, unpacked to those of the s8 kernels.
 */
#include "../nibbles.h"

int groat_conv_s4_needs_ref(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = groat_conv_s8_needs_ref(k, needs);
    groat_nibbles_needs(needs, groat_nibbles_bytes(needs->weights_bytes));
    return known;
}

int groat_conv_s4_check_ref(const groat_conv_s8 *k)
{
    return groat_conv_s8_check_ref(k);
}

void groat_conv_s4_unpack_ref(groat_conv_s8 *k)
{
    uint32_t weights = k->rows * k->taps * k->run * k->channels_out;
    groat_unpack_words(k->weights, k->scratch, weights);
    GROAT_NIBBLES_DONE(k, weights);
}

int groat_depthwise_s4_needs_ref(const groat_depthwise_s8 *k, groat_needs *needs)
{
    int known = groat_depthwise_s8_needs_ref(k, needs);
    groat_nibbles_needs_alone(needs, groat_nibbles_bytes(needs->weights_bytes));
    return known;
}

int groat_depthwise_s4_check_ref(const groat_depthwise_s8 *k)
{
    return groat_depthwise_s8_check_ref(k);
}

void groat_depthwise_s4_unpack_ref(groat_depthwise_s8 *k)
{
    uint32_t weights = k->rows * k->taps * k->channels_in * k->multiplier;
    groat_unpack_words(k->weights, k->scratch, weights);
    GROAT_NIBBLES_DONE(k, weights);
}
