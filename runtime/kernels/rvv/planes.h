/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with pixels in the lanes, for many pixels with few inputs and channels each: there the other way round
 * (sums.h) most of the work would be to start, to scale and to store.
 *
 * The inputs of up to 64 pixels are copied into planes first, [input / 2][pixel][input % 2]; then each channel is a
 * sum of planes times scalars.  Weights are those of a tile; every pair of inputs is one 16-bit sum.
 */
#ifndef GROAT_RVV_PLANES_H
#define GROAT_RVV_PLANES_H

#include <riscv_vector.h>

#include "scale.h"
#include "tile.h"

#define GROAT_RVV_PLANE_INPUTS 36u
#define GROAT_RVV_PLANE_BYTES (2 * GROAT_RVV_LANES)

typedef struct groat_rvv_planes {
    const int8_t *planes;
    uint32_t pairs; /* even */
    uint32_t lanes;
    const int8_t *weights;
    uint32_t channels;
    const int32_t *bias;
    uint32_t out_stride;
} groat_rvv_planes;

/* Copies the inputs of `lanes` pixels. */
static inline void groat_rvv_fill_planes(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start,
                                         int8_t *planes, uint32_t lanes)
{
    const int8_t *const *end = rows + k->rows;
    uint32_t run = k->run, taps = k->taps, tap_stride = k->tap_stride, pixel_stride = k->pixel_stride;
    uint32_t odd = 0;
    for (; rows < end; rows++) {
        const int8_t *tap = *rows + start;
        for (uint32_t t = taps; t > 0; t--, tap += tap_stride) {
            for (const int8_t *x = tap; x < tap + run; x++) {
                int8_t *plane = planes;
                const int8_t *from = x;
                uint32_t left = lanes;
                do {
                    size_t vl = __riscv_vsetvl_e8m4(left);
                    __riscv_vsse8_v_i8m4(plane, 2, __riscv_vlse8_v_i8m4(from, (ptrdiff_t)pixel_stride, vl), vl);
                    plane += 2 * vl;
                    from += pixel_stride * vl;
                    left -= (uint32_t)vl;
                } while (left > 0);
                planes += odd != 0 ? GROAT_RVV_PLANE_BYTES - 1 : 1;
                odd ^= 1;
            }
        }
    }
}

#if defined(__riscv_vector)

/* v0, v4: inputs; v8: 16-bit sums; v16, v24: 32-bit sums of the lower and upper lanes. */
#define PLANES_PAIR                                                                                                  \
    "vlseg2e8.v v0, (%[x])\n lb %[a], 0(%[w])\n lb %[b], 1(%[w])\n addi %[x], %[x], 128\n add %[w], %[w], %[step]\n" \
    "vwmul.vx v8, v0, %[a]\n vwmacc.vx v8, %[b], v4\n"                                                               \
    "vsetvli zero, %[half], e16, m4, ta, ma\n vwadd.wv v16, v16, v8\n vwadd.wv v24, v24, v12\n"                      \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"

static inline void groat_rvv_planes_run(const groat_rvv_planes *p, const groat_rvv_scale *scale, int8_t *out)
{
    uint32_t half = groat_rvv_group_lanes();
    half = half < p->lanes ? half : p->lanes;
    const int32_t *bias = p->bias, *multiplier = scale->multipliers;
    const int16_t *shift = scale->shifts;
    const int8_t *weights = p->weights, *w, *x;
    int8_t *out2 = out + half * p->out_stride;
    int32_t a, b;
    __asm__ volatile(
        "1: lw %[a], 0(%[bias])\n mv %[x], %[planes]\n mv %[w], %[weights]\n"
        "vsetvli zero, %[half], e32, m8, ta, ma\n vmv.v.x v16, %[a]\n vmv.v.x v24, %[a]\n"
        "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
        "2:\n" PLANES_PAIR PLANES_PAIR "bne %[x], %[end], 2b\n"
        "lw %[a], 0(%[multiplier])\n lh %[b], 0(%[shift])\n"
        "vsetvli zero, %[half], e32, m8, ta, ma\n"
        "vsmul.vx v16, v16, %[a]\n vsra.vi v0, v16, 31\n vadd.vv v16, v16, v0\n"
        "vsmul.vx v24, v24, %[a]\n vsra.vi v8, v24, 31\n vadd.vv v24, v24, v8\n"
        "vsetvli zero, %[half], e16, m4, ta, ma\n"
        "vnclip.wx v0, v16, %[b]\n vnclip.wx v4, v24, %[b]\n"
        "vsadd.vx v0, v0, %[zero_point]\n vsadd.vx v4, v4, %[zero_point]\n"
        "vsetvli zero, %[half], e8, m2, ta, ma\n"
        "vnclip.wi v8, v0, 0\n vnclip.wi v12, v4, 0\n"
        "vmax.vx v8, v8, %[low]\n vmax.vx v12, v12, %[low]\n vmin.vx v8, v8, %[high]\n vmin.vx v12, v12, %[high]\n"
        "vsse8.v v8, (%[out]), %[stride]\n"
        "vsetvli zero, %[rest], e8, m2, ta, ma\n vsse8.v v12, (%[out2]), %[stride]\n"
        "addi %[out], %[out], 1\n addi %[out2], %[out2], 1\n addi %[weights], %[weights], 2\n"
        "addi %[multiplier], %[multiplier], 4\n addi %[shift], %[shift], 2\n addi %[bias], %[bias], 4\n"
        "bne %[bias], %[last], 1b\n"
        : [bias] "+r"(bias), [multiplier] "+r"(multiplier), [shift] "+r"(shift), [weights] "+r"(weights), [w] "=&r"(w),
          [x] "=&r"(x), [out] "+r"(out), [out2] "+r"(out2), [a] "=&r"(a), [b] "=&r"(b)
        : [planes] "r"(p->planes), [end] "r"(p->planes + p->pairs * GROAT_RVV_PLANE_BYTES), [step] "r"(2 * p->channels),
          [half] "r"(half), [rest] "r"(p->lanes - half), [lanes] "r"(p->lanes), [last] "r"(p->bias + p->channels),
          [zero_point] "r"(scale->zero_point), [low] "r"(scale->act_min), [high] "r"(scale->act_max),
          [stride] "r"(p->out_stride)
        : GROAT_RVV_ALL_REGISTERS);
}

#else

static inline void groat_rvv_planes_run(const groat_rvv_planes *p, const groat_rvv_scale *scale, int8_t *out)
{
    for (uint32_t c = 0; c < p->channels; c++) {
        groat_rvv_scale own = *scale;
        own.multipliers += c;
        own.shifts += c;
        for (uint32_t lane = 0; lane < p->lanes; lane++) {
            uint32_t sum = (uint32_t)p->bias[c];
            for (uint32_t i = 0; i < p->pairs; i++) {
                const int8_t *w = p->weights + (i * p->channels + c) * 2;
                const int8_t *x = p->planes + i * GROAT_RVV_PLANE_BYTES + 2 * lane;
                sum += (uint32_t)(int16_t)(uint16_t)(x[0] * w[0] + x[1] * w[1]);
            }
            int32_t total = (int32_t)sum;
            groat_rvv_scale_any(&own, &total, 0, out + lane * p->out_stride + c, 1);
        }
    }
}

#endif

#endif
