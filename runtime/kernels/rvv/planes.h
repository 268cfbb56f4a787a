/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with pixels in the lanes, for many pixels with few inputs and channels each: there the other way round
 * (sums.h) most of the work would be to start, to scale and to store.
 *
 * The inputs of up to 64 pixels are copied into planes first, [input / 2][pixel][input % 2]; then each channel is a
 * sum of planes times scalars.  Weights are [channel][input], with zeros up to a multiple of four inputs.  A channel's
 * 16-bit sums are of four inputs where the packer has proven that they fit, else of two.
 */
#ifndef GROAT_RVV_PLANES_H
#define GROAT_RVV_PLANES_H

#include "scale.h"
#include "tile.h"

#define GROAT_RVV_PLANE_INPUTS 36u
#define GROAT_RVV_PLANE_BYTES (2 * GROAT_RVV_LANES)

/* The assembly knows where its members lie. */
typedef struct groat_rvv_plane_channel {
    int32_t bias;
    int32_t multiplier;
    int32_t shift; /* to the right, 1 to 31 */
    uint32_t four; /* 1 if sums are of four inputs */
} groat_rvv_plane_channel;

typedef struct groat_rvv_planes {
    const int8_t *planes;
    uint32_t inputs; /* a multiple of four */
    uint32_t lanes;
    const int8_t *weights;
    const groat_rvv_plane_channel *channels;
    uint32_t count; /* of channels */
    uint32_t out_stride;
} groat_rvv_planes;

#if defined(__riscv_vector)

/* Copies a run of inputs to the planes from the one that is the `at`-th on. */
static inline void groat_rvv_fill_run(int8_t *planes, uint32_t at, const int8_t *x, uint32_t run, uint32_t stride,
                                      uint32_t lanes)
{
    int8_t *plane = planes + at / 2 * GROAT_RVV_PLANE_BYTES + at % 2;
    int8_t *behind = planes + (at + run) / 2 * GROAT_RVV_PLANE_BYTES;
    __asm__ volatile("vsetvli zero, %[lanes], e8, m4, ta, ma\n"
                     "beqz %[odd], 1f\n vlse8.v v0, (%[x]), %[stride]\n vsse8.v v0, (%[plane]), %[two]\n"
                     "addi %[x], %[x], 1\n addi %[plane], %[plane], 127\n"
                     "1: beq %[plane], %[behind], 3f\n"
                     "2: vlsseg2e8.v v0, (%[x]), %[stride]\n addi %[x], %[x], 2\n vsseg2e8.v v0, (%[plane])\n"
                     "addi %[plane], %[plane], 128\n bne %[plane], %[behind], 2b\n"
                     "3: beqz %[last], 4f\n vlse8.v v0, (%[x]), %[stride]\n vsse8.v v0, (%[plane]), %[two]\n 4:\n"
                     : [x] "+r"(x), [plane] "+r"(plane)
                     : [odd] "r"(at % 2), [last] "r"((at + run) % 2), [behind] "r"(behind), [stride] "r"(stride),
                       [lanes] "r"(lanes), [two] "r"(2)
                     : GROAT_RVV_ALL_REGISTERS);
}

/* v0, v4: inputs; v8: 16-bit sums; v16, v24: 32-bit sums of the lower and upper lanes. */
#define PLANES_PAIR(at, first)                                                                               \
    "vlseg2e8.v v0, (%[x])\n lb %[a], " at "(%[w])\n lb %[b], " at "+1(%[w])\n addi %[x], %[x], 128\n" first \
    "vwmacc.vx v8, %[b], v4\n"
#define PLANES_FIRST "vwmul.vx v8, v0, %[a]\n"
#define PLANES_NEXT "vwmacc.vx v8, %[a], v0\n"
#define PLANES_END                                                                              \
    "vsetvli zero, %[half], e16, m4, ta, ma\n vwadd.wv v16, v16, v8\n vwadd.wv v24, v24, v12\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"

static inline void groat_rvv_planes_run(const groat_rvv_planes *p, const groat_rvv_scale *scale, int8_t *out)
{
    uint32_t half = groat_rvv_group_lanes();
    half = half < p->lanes ? half : p->lanes;
    const groat_rvv_plane_channel *channel = p->channels;
    const int8_t *w = p->weights, *x;
    int32_t a, b;
    __asm__ volatile(
        "1: lw %[a], 0(%[channel])\n lw %[b], 12(%[channel])\n mv %[x], %[planes]\n"
        "vsetvli zero, %[half], e32, m8, ta, ma\n vmv.v.x v16, %[a]\n vmv.v.x v24, %[a]\n"
        "vsetvli zero, %[lanes], e8, m4, ta, ma\n beqz %[b], 3f\n"
        "2:\n" PLANES_PAIR("0", PLANES_FIRST) PLANES_PAIR("2", PLANES_NEXT) PLANES_END
        "addi %[w], %[w], 4\n bne %[x], %[end], 2b\n j 4f\n"
        "3:\n" PLANES_PAIR("0", PLANES_FIRST) PLANES_END PLANES_PAIR("2", PLANES_FIRST) PLANES_END
        "addi %[w], %[w], 4\n bne %[x], %[end], 3b\n"
        "4: lw %[a], 4(%[channel])\n lw %[b], 8(%[channel])\n"
        "vsetvli zero, %[half], e32, m8, ta, ma\n"
        "vsmul.vx v16, v16, %[a]\n vsra.vi v0, v16, 31\n vadd.vv v16, v16, v0\n"
        "vsmul.vx v24, v24, %[a]\n vsra.vi v8, v24, 31\n vadd.vv v24, v24, v8\n"
        "vsetvli zero, %[half], e16, m4, ta, ma\n"
        "vnclip.wx v0, v16, %[b]\n vnclip.wx v4, v24, %[b]\n"
        "vsetvli zero, %[lanes], e16, m8, ta, ma\n vsadd.vx v0, v0, %[zero_point]\n"
        "vsetvli zero, %[lanes], e8, m4, ta, ma\n vnclip.wi v8, v0, 0\n"
        "vmax.vx v8, v8, %[low]\n vmin.vx v8, v8, %[high]\n"
        "vsse8.v v8, (%[out]), %[stride]\n"
        "addi %[out], %[out], 1\n addi %[channel], %[channel], 16\n bne %[channel], %[last], 1b\n"
        : [channel] "+r"(channel), [w] "+r"(w), [x] "=&r"(x), [out] "+r"(out), [a] "=&r"(a), [b] "=&r"(b)
        : [planes] "r"(p->planes), [end] "r"(p->planes + p->inputs / 2 * GROAT_RVV_PLANE_BYTES), [half] "r"(half),
          [lanes] "r"(p->lanes), [last] "r"(p->channels + p->count), [zero_point] "r"(scale->zero_point),
          [low] "r"(scale->act_min), [high] "r"(scale->act_max), [stride] "r"(p->out_stride)
        : GROAT_RVV_ALL_REGISTERS);
}

#else

static inline void groat_rvv_fill_run(int8_t *planes, uint32_t at, const int8_t *x, uint32_t run, uint32_t stride,
                                      uint32_t lanes)
{
    for (uint32_t end = at + run; at < end; at++, x++) {
        for (uint32_t lane = 0; lane < lanes; lane++) {
            planes[at / 2 * GROAT_RVV_PLANE_BYTES + at % 2 + 2 * lane] = x[lane * stride];
        }
    }
}

static inline void groat_rvv_planes_run(const groat_rvv_planes *p, const groat_rvv_scale *scale, int8_t *out)
{
    for (uint32_t c = 0; c < p->count; c++) {
        const groat_rvv_plane_channel *channel = &p->channels[c];
        const int16_t shift = (int16_t)channel->shift;
        groat_rvv_scale own = *scale;
        own.multipliers = &channel->multiplier;
        own.shifts = &shift;
        for (uint32_t lane = 0; lane < p->lanes; lane++) {
            uint32_t sum = (uint32_t)channel->bias, part = 0;
            for (uint32_t i = 0; i < p->inputs; i++) {
                const int8_t *x = p->planes + i / 2 * GROAT_RVV_PLANE_BYTES + 2 * lane + i % 2;
                part += (uint32_t)(*x * p->weights[c * p->inputs + i]);
                if (i % 4 == 3 || (i % 2 == 1 && !channel->four)) {
                    sum += (uint32_t)(int16_t)(uint16_t)part;
                    part = 0;
                }
            }
            int32_t total = (int32_t)sum;
            groat_rvv_scale_any(&own, &total, 0, out + lane * p->out_stride + c, 1);
        }
    }
}

#endif

/* Copies the inputs of `lanes` pixels. */
static inline void groat_rvv_fill_planes(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start,
                                         int8_t *planes, uint32_t lanes)
{
    uint32_t at = 0;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *x = rows[r] + start;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, at += k->run) {
            groat_rvv_fill_run(planes, at, x, k->run, k->pixel_stride, lanes);
        }
    }
}

#endif
