/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-bit weights, unpacked to those of the s8 kernels: for each four channels their biases as they are, then blocks of
 * sixteen bytes, which hold sixteen weights in their low halves and the next sixteen in their high ones.
 */
#include <arm_mve.h>

#include "../nibbles.h"
#include "scale.h"

enum {
    BIASES = 16,    /* bytes */
    BLOCK = 16
};

int groat_conv_s8_needs_mve(const groat_conv_s8 *k, groat_needs *needs);
int groat_conv_s8_check_mve(const groat_conv_s8 *k);
int groat_depthwise_s8_needs_mve(const groat_depthwise_s8 *k, groat_needs *needs);
int groat_depthwise_s8_check_mve(const groat_depthwise_s8 *k);

/* The weights of each four channels are whole pairs of blocks. */
static uint64_t bytes_of(uint64_t weights_bytes, uint32_t quads)
{
    return (weights_bytes - (uint64_t)BIASES * quads) / 2 + (uint64_t)BIASES * quads;
}

static void unpack(const int8_t *from, int8_t *to, uint32_t quads, uint32_t weights_bytes)
{
    const uint32_t blocks = quads > 0 ? (weights_bytes / quads - BIASES) / (2 * BLOCK) : 0;
    for (; quads > 0; quads--) {
        vstrbq_s8(to, vldrbq_s8(from));
        from += BIASES;
        to += BIASES;
        for (uint32_t b = 0; b < blocks; b++, from += BLOCK, to += 2 * BLOCK) {
            int8x16_t bytes = vldrbq_s8(from);
            vstrbq_s8(to, vshrq_n_s8(vshlq_n_s8(bytes, 4), 4));
            vstrbq_s8(to + BLOCK, vshrq_n_s8(bytes, 4));
        }
    }
}

int groat_conv_s4_needs_mve(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = groat_conv_s8_needs_mve(k, needs);
    groat_nibbles_needs(needs, bytes_of(needs->weights_bytes, quads_of(k->channels_out)));
    return known;
}

int groat_conv_s4_check_mve(const groat_conv_s8 *k)
{
    return groat_conv_s8_check_mve(k);
}

void groat_conv_s4_unpack_mve(groat_conv_s8 *k)
{
    groat_needs needs;
    groat_conv_s8_needs_mve(k, &needs);
    unpack(k->weights, k->scratch, quads_of(k->channels_out), (uint32_t)needs.weights_bytes);
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}

int groat_depthwise_s4_needs_mve(const groat_depthwise_s8 *k, groat_needs *needs)
{
    int known = groat_depthwise_s8_needs_mve(k, needs);
    groat_nibbles_needs_alone(needs, bytes_of(needs->weights_bytes, quads_of(k->channels_in * k->multiplier)));
    return known;
}

int groat_depthwise_s4_check_mve(const groat_depthwise_s8 *k)
{
    return groat_depthwise_s8_check_mve(k);
}

void groat_depthwise_s4_unpack_mve(groat_depthwise_s8 *k)
{
    groat_needs needs;
    groat_depthwise_s8_needs_mve(k, &needs);
    unpack(k->weights, k->scratch, quads_of(k->channels_in * k->multiplier), (uint32_t)needs.weights_bytes);
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}
