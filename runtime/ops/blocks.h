/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters whose weights have four bits: their output channels in blocks, each small enough to be unpacked in scratch.
 *
 * A block is unpacked once and then meets the whole image, so unpacking costs little where there are many pixels.
 */
#ifndef GROAT_OPS_BLOCKS_H
#define GROAT_OPS_BLOCKS_H

#include "../kernels/nibbles.h"
#include "../kernels/select.h"
#include "../core/op.h"

/* The constants of one block in the file, aligned. */
typedef struct groat_block_bytes {
    uint32_t weights;
    uint32_t channels;
} groat_block_bytes;

typedef struct groat_blocks {
    groat_conv_s8 kernel;   /* of all channels of a group; its pointers are for the caller */
    uint32_t groups;
    uint32_t block;         /* channels; the last one of a group may have fewer */
    groat_block_bytes full;
    groat_block_bytes last; /* the same as `full` if it is */
    uint64_t scratch_bytes; /* of the kernel, unpacked weights included */
} groat_blocks;

/* Fills in all behind `block`; 0 if the kernel does not know the layout or sizes do not fit. */
int groat_prepare_blocks(groat_blocks *b);

/* The constants of all blocks lie in the file and are valid. */
int groat_check_blocks(const groat_call *call, const groat_blocks *b, uint32_t weights, uint32_t channels);

/* Where the constants of one block lie, and which channels it computes: from `first` on, within its group. */
typedef struct groat_block {
    uint32_t group;
    uint32_t first;
    uint32_t weights;
    uint32_t channels;
} groat_block;

static inline int groat_more_blocks(const groat_blocks *b, const groat_block *at)
{
    return at->group < b->groups;
}

/* The kernel's arguments for this block, weights still packed. */
groat_conv_s8 groat_kernel_of_block(const groat_call *call, const groat_blocks *b, const groat_block *at);

void groat_next_block(const groat_blocks *b, groat_block *at);

#endif
