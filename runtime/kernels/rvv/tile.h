/* SPDX-License-Identifier: Apache-2.0
 *
 * How the constants of a convolution lie: tiles of up to 64 output channels, the int8 lanes of four registers at
 * VLEN 128.  python/groat/pack/layouts/rvv.py writes what this reads.
 *
 * A tile of n channels computes n * groups <= 64 lanes at a time; lane g * n + c takes weights of channel c and the
 * inputs 2 g and 2 g + 1 of every 2 * groups (a "pair" of steps).  At the end the groups are added.  So few channels
 * fill the lanes too.  Weights are [input / 2][channel][input % 2], with zeros behind the last input.
 *
 * Products are summed in 16 bits over `chunk` pairs, then added to 32-bit sums: the packer has proven for every lane
 * that no input can overflow them.
 */
#ifndef GROAT_RVV_TILE_H
#define GROAT_RVV_TILE_H

#include "../kernels.h"

#define GROAT_RVV_LANES 64u
#define GROAT_RVV_MAX_CHUNK 4u

/* The start of a tile's record in `channels`.  Behind it: int32 start[lanes of a half, or n if there is one group],
 * the bias in the first n and zeros; int32 multipliers[n]; int16 shifts[n], to the right, padded to 4 bytes. */
typedef struct groat_rvv_tile_head {
    uint32_t chunk;   /* pairs to a 16-bit sum: 1, 2 or 4 */
    uint32_t general; /* 1 if a shift is not to the right */
} groat_rvv_tile_head;

typedef struct groat_rvv_tile {
    uint32_t channels;
    uint32_t groups;
    uint32_t starts; /* lanes of the 32-bit sums */
    uint32_t pairs;
} groat_rvv_tile;

static inline groat_rvv_tile groat_rvv_tile_of(uint32_t channels, uint32_t inputs)
{
    groat_rvv_tile t = {.channels = channels, .groups = 1};
    while (2 * t.groups * channels <= GROAT_RVV_LANES) {
        t.groups *= 2;
    }
    t.starts = t.groups > 1 ? channels * t.groups / 2 : channels;
    t.pairs = inputs / (2 * t.groups) + (inputs % (2 * t.groups) != 0);
    return t;
}

static inline uint64_t groat_rvv_weights_bytes(const groat_rvv_tile *t)
{
    return (uint64_t)t->pairs * t->groups * 2 * t->channels;
}

static inline uint32_t groat_rvv_channels_bytes(const groat_rvv_tile *t)
{
    return (uint32_t)sizeof(groat_rvv_tile_head) + 4 * t->starts + 4 * t->channels + (2 * t->channels + 3) / 4 * 4;
}

#endif
