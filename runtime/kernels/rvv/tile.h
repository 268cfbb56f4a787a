/* SPDX-License-Identifier: Apache-2.0
 *
 * How the constants of a convolution lie: tiles of up to 64 output channels, the int8 lanes of four registers at
 * VLEN 128.  python/groat/pack/layouts/rvv.py writes what this reads.
 *
 * A tile of n channels computes n * groups <= 64 lanes at a time; lane g * n + c takes weights of channel c and the
 * inputs 2 g and 2 g + 1 of every 2 * groups (a "pair" of steps).  At the end the groups are added.  So few channels
 * fill the lanes too.  Weights are [input / 2][channel][input % 2].
 *
 * Inputs are read run by run where runs are whole pairs and long ("direct"); else those of a pixel are copied side by
 * side first, with zeros among the weights behind the last.  They are copied in the order [column][row][channel] where
 * taps touch, so that neighbouring pixels share them, and weights lie so too.  Runs are cut into segments of up to 256
 * bytes.
 *
 * Products are summed in 16 bits over `chunk` pairs, then added to 32-bit sums.  A segment's chunks come in rounds of
 * four pairs or one chunk, whichever is more; pairs before the first round are each a sum.  The packer has proven for
 * every lane that no input can overflow a sum.  Where one could, weights were made smaller, and what they lack comes
 * behind the segment: twice `extra` products of each lane, {place, weight}, of which two make a sum.  The place is that
 * of the input, counted so that the segment's last one is 255.
 */
#ifndef GROAT_RVV_TILE_H
#define GROAT_RVV_TILE_H

#include "../kernels.h"

#define GROAT_RVV_LANES 64u
#define GROAT_RVV_SEGMENT 256u
#define GROAT_RVV_ROUND 4u
#define GROAT_RVV_MAX_CHUNK 8u
#define GROAT_RVV_LONG_RUN 64u

/* `layout` of a convolution: one of these in the lowest two bits; above them, in the first two kinds, `extra`. */
enum {
    LAYOUT_PIXEL = 1,  /* tiles, with scratch for one pixel's inputs where they have to be copied */
    LAYOUT_PIXELS = 2, /* with scratch for several */
    LAYOUT_PLANES = 3  /* planes.h */
};

/* The start of a tile's record in `channels`.  Behind it: int32 start[lanes of a half, or n if there is one group],
 * the bias in the first n and zeros; int32 multipliers[n]; int16 shifts[n], to the right, padded to 4 bytes. */
typedef struct groat_rvv_tile_head {
    uint32_t chunk;   /* pairs to a 16-bit sum: 1, 2, 4 or 8 */
    uint32_t general; /* 1 if a shift is not to the right */
} groat_rvv_tile_head;

typedef struct groat_rvv_tile {
    uint32_t channels;
    uint32_t groups;
    uint32_t starts; /* lanes of the 32-bit sums */
    uint32_t direct;
    uint32_t columns; /* the inputs of a pixel are columns of `rows` taps */
    uint32_t runs;
    uint32_t run;    /* bytes */
    uint32_t extra;  /* bytes of products behind every segment */
} groat_rvv_tile;

static inline groat_rvv_tile groat_rvv_tile_of(const groat_conv_s8 *k, uint32_t channels)
{
    groat_rvv_tile t = {.channels = channels, .groups = 1};
    while (2 * t.groups * channels <= GROAT_RVV_LANES) {
        t.groups *= 2;
    }
    uint32_t inputs = k->rows * k->taps * k->run;
    t.starts = t.groups > 1 ? channels * t.groups / 2 : channels;
    t.direct = k->taps == 1 && k->run % (2 * t.groups) == 0 && (k->rows == 1 || k->run >= GROAT_RVV_LONG_RUN);
    t.columns = !t.direct && k->taps == 1 && k->rows > 1 && k->tap > 0 && k->tap < k->run && k->run % k->tap == 0;
    t.runs = t.direct ? k->rows : 1;
    t.run = t.direct ? k->run : (inputs + 2 * t.groups - 1) & (0u - 2 * t.groups);
    t.extra = k->layout / 4 * 4 * channels * t.groups;
    return t;
}

static inline uint32_t groat_rvv_run_segments(const groat_rvv_tile *t)
{
    return t->run / GROAT_RVV_SEGMENT + (t->run % GROAT_RVV_SEGMENT != 0);
}

static inline uint64_t groat_rvv_weights_bytes(const groat_rvv_tile *t)
{
    return t->runs * ((uint64_t)t->run * t->channels + (uint64_t)groat_rvv_run_segments(t) * t->extra);
}

static inline uint32_t groat_rvv_channels_bytes(const groat_rvv_tile *t)
{
    return (uint32_t)sizeof(groat_rvv_tile_head) + 4 * t->starts + 4 * t->channels + (2 * t->channels + 3) / 4 * 4;
}

#endif
