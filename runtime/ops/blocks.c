/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters whose weights have four bits: their output channels in blocks.
 */
#include "blocks.h"

static int bytes_of(const groat_conv_s8 *whole, uint32_t channels, groat_block_bytes *bytes, uint64_t *scratch)
{
    groat_conv_s8 k = *whole;
    groat_needs needs;
    k.channels_out = channels;
    if (!GROAT_NIBBLES_OF(conv_s4_needs)(&k, &needs)) {
        return 0;
    }
    const uint64_t most = UINT32_MAX - GROAT_ALIGN;
    if (needs.weights_bytes > most || needs.channels_bytes > most) {
        return 0;
    }
    bytes->weights = ((uint32_t)needs.weights_bytes + GROAT_ALIGN - 1) & ~(uint32_t)(GROAT_ALIGN - 1);
    bytes->channels = ((uint32_t)needs.channels_bytes + GROAT_ALIGN - 1) & ~(uint32_t)(GROAT_ALIGN - 1);
    *scratch = needs.scratch_bytes > *scratch ? needs.scratch_bytes : *scratch;
    return 1;
}

int groat_prepare_blocks(groat_blocks *b)
{
    uint32_t all = b->kernel.channels_out;
    b->scratch_bytes = 0;
    if (b->block == 0 || b->block > all) {
        return 0;
    }
    uint32_t rest = all % b->block;
    return bytes_of(&b->kernel, b->block, &b->full, &b->scratch_bytes) &&
           bytes_of(&b->kernel, rest > 0 ? rest : b->block, &b->last, &b->scratch_bytes);
}

int groat_check_blocks(const groat_call *call, const groat_blocks *b, uint32_t weights, uint32_t channels)
{
    uint64_t all = b->kernel.channels_out;
    uint64_t before_last = (all + b->block - 1) / b->block - 1;
    /* Each product fits: counts of blocks and of groups have 32 and 16 bits, bytes of a group must have 32. */
    uint64_t group_weights = before_last * b->full.weights + b->last.weights;
    uint64_t group_channels = before_last * b->full.channels + b->last.channels;
    GROAT_REQUIRE(group_weights <= UINT32_MAX && group_channels <= UINT32_MAX);
    GROAT_TRY(groat_check_const(call, weights, b->groups * group_weights));
    GROAT_TRY(groat_check_const(call, channels, b->groups * group_channels));
    for (groat_block at = {0, 0, weights, channels}; groat_more_blocks(b, &at); groat_next_block(b, &at)) {
        groat_conv_s8 k = groat_kernel_of_block(call, b, &at);
        GROAT_REQUIRE(GROAT_NIBBLES_OF(conv_s4_check)(&k));
    }
    return GROAT_OK;
}

groat_conv_s8 groat_kernel_of_block(const groat_call *call, const groat_blocks *b, const groat_block *at)
{
    groat_conv_s8 k = b->kernel;
    uint32_t left = b->kernel.channels_out - at->first;
    k.channels_out = left < b->block ? left : b->block;
    k.weights = groat_const(call, at->weights);
    k.channels = groat_const(call, at->channels);
    return k;
}

void groat_next_block(const groat_blocks *b, groat_block *at)
{
    uint32_t left = b->kernel.channels_out - at->first;
    if (left > b->block) {
        at->first += b->block;
        at->weights += b->full.weights;
        at->channels += b->full.channels;
    } else {
        at->group++;
        at->first = 0;
        at->weights += b->last.weights;
        at->channels += b->last.channels;
    }
}
