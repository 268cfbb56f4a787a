/* SPDX-License-Identifier: Apache-2.0
 *
 * From sums to outputs, sixteen channels of one or two pixels at a time; both convolutions end so.
 *
 * Quads.  Four sums of one pixel are a vector.  Two such vectors narrow into the even and the odd lanes of one of
 * 16-bit numbers, and two of these into bytes; so that the bytes come out in the order of the channels, the quads of
 * sixteen channels are 0, 4, 8, 12; 2, 6, 10, 14; 1, 5, 9, 13; 3, 7, 11, 15.  What is over of sixteen are, if more than
 * twelve, again such sixteen; else, if more than four, eight channels as 0, 2, 4, 6; 1, 3, 5, 7; and then four in order.
 */
#ifndef GROAT_MVE_SCALE_H
#define GROAT_MVE_SCALE_H

#include "../kernels.h"

#define GROAT_KERNEL(type, name, arguments) type groat_##name##_mve arguments;
#include "../kernels.def"
#undef GROAT_KERNEL

/* What the packer found of all shifts of a filter: anything; none above zero; all below; none above zero, and sums so
 * far from the ends of their range that with a zero point they do not wrap, whatever the input. */
enum {
    LAYOUT_GENERAL,
    LAYOUT_NEVER_UP,
    LAYOUT_DOWN,
    LAYOUT_SMALL,
    LAYOUTS
};

/* The less there is to do, the fewer instructions. */
enum {
    SCALE_GENERAL,
    SCALE_NEVER_UP,
    SCALE_DOWN,         /* and no activation */
    SCALE_BYTES         /* down or small, and outputs are all of -128 to 127, and -128 is zero */
};

/* So many channels of a single pixel are summed before they are scaled. */
enum {
    CHANNELS_AT_ONCE = 64,
    SUMS_BYTES = CHANNELS_AT_ONCE * 4
};

/* The constants of four channels. */
typedef struct groat_quad {
    int32_t multiplier[4];
    int32_t shift[4];   /* -31 to 30; LAYOUT_NEVER_UP, LAYOUT_SMALL: to 0; LAYOUT_DOWN: to -1 */
} groat_quad;

typedef struct groat_scaling {
    uint32_t kind;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} groat_scaling;

static inline groat_scaling scaling_of(uint32_t layout, int32_t zero_point, int32_t act_min, int32_t act_max)
{
    uint32_t kind = layout == LAYOUT_GENERAL ? SCALE_GENERAL : SCALE_NEVER_UP;
    int whole = act_min == INT8_MIN && act_max == INT8_MAX;
    if (whole && zero_point == INT8_MIN && (layout == LAYOUT_DOWN || layout == LAYOUT_SMALL)) {
        kind = SCALE_BYTES;
    } else if (whole && layout == LAYOUT_DOWN) {
        kind = SCALE_DOWN;
    }
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

/* Scales sums[quad][2][4] of two pixels, the last quad first: sixteen channels, or what is over of them (pairs.h). */
struct pair_loop;
void groat_scale_pair_mve(struct pair_loop *loop, const int32_t *sums, const groat_quad *quads);

#endif
