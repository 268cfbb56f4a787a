/* SPDX-License-Identifier: Apache-2.0
 *
 * From sums to outputs, four channels of one or two pixels at a time; both convolutions end so.
 */
#ifndef GROAT_MVE_SCALE_H
#define GROAT_MVE_SCALE_H

#include "../kernels.h"

#define GROAT_KERNEL(type, name, arguments) type groat_##name##_mve arguments;
#include "../kernels.def"
#undef GROAT_KERNEL

/* What the packer found of all shifts of a filter; the less there is to do, the fewer instructions.  LAYOUT_RECTIFIED is
 * no layout but what the other two become where an activation cuts off all below the zero point. */
enum {
    LAYOUT_GENERAL,
    LAYOUT_NEVER_UP,
    LAYOUT_DOWN,
    LAYOUTS,
    LAYOUT_RECTIFIED = LAYOUTS
};

/* So many sums are kept before they are scaled: 24 quads of two pixels; of one pixel no more than 16 channels' quads. */
enum {
    QUAD_PAIRS = 24,
    SUMS_BYTES = QUAD_PAIRS * 8 * 4,
    CHANNELS_AT_ONCE = 64
};

/* The constants of four channels. */
typedef struct groat_quad {
    int32_t multiplier[4];
    int32_t shift[4];   /* -31 to 30; LAYOUT_NEVER_UP: to 0; LAYOUT_DOWN: to -1 */
} groat_quad;

typedef struct groat_scaling {
    uint32_t kind;          /* a layout, or LAYOUT_RECTIFIED */
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} groat_scaling;

static inline groat_scaling scaling_of(uint32_t layout, int32_t zero_point, int32_t act_min, int32_t act_max)
{
    uint32_t kind = layout != LAYOUT_GENERAL && act_min >= zero_point ? LAYOUT_RECTIFIED : layout;
    return (groat_scaling){kind, zero_point, act_min, act_max};
}

static inline uint32_t quads_of(uint32_t channels)
{
    return channels / 4 + (channels % 4 != 0);
}

/* Every constant is one that the kernels can compute with. */
int groat_quads_valid_mve(const groat_quad *quads, uint32_t count, uint32_t layout);

/* Scales sums[quad][4] of a pixel. */
void groat_scale_mve(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                     int8_t *out);

/* Scales sums[pair][quad][2][4]. */
void groat_scale_pairs_mve(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                           int8_t *out, uint32_t out_stride, uint32_t pairs);

#endif
