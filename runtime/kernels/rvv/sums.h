/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a tile's channels in the lanes, pixel by pixel: where the time is spent.
 *
 * All 32 registers are in use, which compilers answer with spills: hence assembly.  Other machines run the same sums
 * in C, 16-bit wrap included.
 */
#ifndef GROAT_RVV_SUMS_H
#define GROAT_RVV_SUMS_H

#include "scale.h"
#include "tile.h"

/* The assembly knows where the members up to `entry` lie. */
typedef struct groat_rvv_sums {
    groat_rvv_scale scale;
    const int8_t *weights;      /* 32 */
    const int32_t *start;       /* 36 */
    const int32_t *upper_start; /* 40 */
    uint32_t pixel_stride;      /* 44 */
    uint32_t out_stride;        /* 48 */
    uint32_t entry;             /* 52: bytes of code to skip when entering a loop of four pairs */
    groat_rvv_tile tile;
    uint32_t chunk;
    uint32_t lower;         /* lanes that one group of eight registers holds */
    const uint8_t *offsets; /* of each lane's first input, for more than one group */
} groat_rvv_sums;

#if defined(__riscv_vector)

_Static_assert(offsetof(groat_rvv_sums, entry) == 52, "as the assembly has it");

/* One group.  v0, v4: weights of two inputs.  v8: 16-bit sums.  v16, v24: 32-bit sums of the lower and upper lanes. */
#define WIDE_PAIR(at, first)                                                                                          \
    "vlseg2e8.v v0, (%[w])\n add %[w], %[w], %[step]\n lb %[a], 2*" #at "(%[x])\n lb %[b], 2*" #at "+1(%[x])\n" first \
    "vwmacc.vx v8, %[b], v4\n"
#define WIDE_FIRST "vwmul.vx v8, v0, %[a]\n"
#define WIDE_NEXT "vwmacc.vx v8, %[a], v0\n"
#define WIDE_END                                                                                 \
    "vsetvli zero, %[lower], e16, m4, ta, ma\n vwadd.wv v16, v16, v8\n vwadd.wv v24, v24, v12\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"

/* Into the middle of four pairs, so that the last one ends a round. */
#define ENTER "la %[a], 1f\n lw %[b], 52(%[scale])\n add %[a], %[a], %[b]\n jr %[a]\n"
#define NEXT_PIXEL                                                                                                   \
    "addi %[pixels], %[pixels], -1\n lw %[a], 44(%[scale])\n lw %[b], 48(%[scale])\n add %[pixel], %[pixel], %[a]\n" \
    "add %[out], %[out], %[b]\n bnez %[pixels], 0b\n"

#define WIDE(enter, loop)                                                                                             \
    __asm__ volatile(                                                                                                 \
        ".option push\n .option norvc\n"                                                                              \
        "0: lw %[a], 40(%[scale])\n lw %[w], 32(%[scale])\n mv %[x], %[pixel]\n"                                      \
        "vsetvli zero, %[upper], e32, m8, ta, ma\n vle32.v v24, (%[a])\n"                                             \
        "vsetvli zero, %[lower], e32, m8, ta, ma\n vle32.v v16, (%[start])\n"                                         \
        "vsetvli zero, %[lanes], e8, m4, ta, ma\n" enter loop "bnez %[sums], 3f\n" GROAT_RVV_SCALE_LOWER(             \
            "%[lower]", "%[out]") "add %[b], %[out], %[lower]\n" GROAT_RVV_SCALE_UPPER("%[upper]", "%[b]") NEXT_PIXEL \
        "j 4f\n"                                                                                                      \
        "3: vsetvli zero, %[lower], e32, m8, ta, ma\n vse32.v v16, (%[sums])\n"                                       \
        "slli %[a], %[lower], 2\n add %[a], %[a], %[sums]\n"                                                          \
        "vsetvli zero, %[upper], e32, m8, ta, ma\n vse32.v v24, (%[a])\n"                                             \
        "4: .option pop\n"                                                                                            \
        : [w] "=&r"(w), [x] "=&r"(x), [a] "=&r"(a), [b] "=&r"(b), [pixel] "+r"(pixel), [out] "+r"(out),               \
          [pixels] "+r"(pixels)                                                                                       \
        : GROAT_RVV_SCALE_OPERANDS(s), [end] "r"(end), [step] "r"(2 * lanes), [lower] "r"(s->lower),                  \
          [upper] "r"(lanes - s->lower), [lanes] "r"(lanes), [start] "r"(s->start), [sums] "r"(sums)                  \
        : GROAT_RVV_ALL_REGISTERS)

static inline void groat_rvv_sum_wide(groat_rvv_sums *s, const int8_t *pixel, int32_t *sums, int8_t *out,
                                      uint32_t pixels)
{
    uint32_t lanes = s->tile.channels;
    const int8_t *x, *w, *end = s->weights + 2 * lanes * s->tile.pairs;
    uint32_t a, b;
    if (s->chunk == 1) {
        uint32_t skip = -s->tile.pairs & 3;
        s->entry = 40 * skip;
        pixel -= 2 * skip;
        WIDE(ENTER, "1:\n" WIDE_PAIR(0, WIDE_FIRST) WIDE_END WIDE_PAIR(1, WIDE_FIRST) WIDE_END WIDE_PAIR(2, WIDE_FIRST)
                        WIDE_END WIDE_PAIR(3, WIDE_FIRST) WIDE_END "addi %[x], %[x], 8\n bne %[w], %[end], 1b\n");
    } else if (s->chunk == 2) {
        WIDE("", "1:\n" WIDE_PAIR(0, WIDE_FIRST) WIDE_PAIR(1, WIDE_NEXT) WIDE_END
             "addi %[x], %[x], 4\n bne %[w], %[end], 1b\n");
    } else {
        WIDE("", "1:\n" WIDE_PAIR(0, WIDE_FIRST) WIDE_PAIR(1, WIDE_NEXT) WIDE_PAIR(2, WIDE_NEXT) WIDE_PAIR(3, WIDE_NEXT)
                     WIDE_END "addi %[x], %[x], 8\n bne %[w], %[end], 1b\n");
    }
}

/* Several groups.  v0: weights (and offsets before them), v16: inputs, v8: 16-bit sums, v24: 32-bit sums of half the
 * lanes, to which the upper half is added as well: it holds the same channels. */
#define SPLIT_PAIR(first)                                                                   \
    "vle8.v v0, (%[offsets])\n vluxseg2ei8.v v16, (%[x]), v0\n add %[x], %[x], %[inputs]\n" \
    "vlseg2e8.v v0, (%[w])\n add %[w], %[w], %[step]\n" first " v8, v16, v0\n vwmacc.vv v8, v20, v4\n"
#define SPLIT_END_FULL                                                                          \
    "vsetvli zero, %[half], e16, m4, ta, ma\n vwadd.wv v24, v24, v8\n vwadd.wv v24, v24, v12\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
#define SPLIT_END                                                                              \
    "vsetvli zero, %[half], e16, m8, ta, ma\n vslidedown.vx v0, v8, %[half]\n"                 \
    "vsetvli zero, %[half], e16, m4, ta, ma\n vwadd.wv v24, v24, v8\n vwadd.wv v24, v24, v0\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"

#define SPLIT(enter, loop)                                                                                           \
    __asm__ volatile(".option push\n .option norvc\n"                                                                \
                     "0: lw %[w], 32(%[scale])\n mv %[x], %[pixel]\n"                                                \
                     "vsetvli zero, %[half], e32, m8, ta, ma\n vle32.v v24, (%[start])\n"                            \
                     "vsetvli zero, %[lanes], e8, m4, ta, ma\n" enter loop "mv %[a], %[half]\n"                      \
                     "2: beq %[a], %[channels], 5f\n srli %[a], %[a], 1\n vsetvli zero, %[a], e32, m8, ta, ma\n"     \
                     "vslidedown.vx v0, v24, %[a]\n vadd.vv v24, v24, v0\n j 2b\n"                                   \
                     "5: bnez %[sums], 3f\n" GROAT_RVV_SCALE("v24", "%[channels]", "0", "8", "%[out]") NEXT_PIXEL    \
                     "j 4f\n"                                                                                        \
                     "3: vsetvli zero, %[channels], e32, m8, ta, ma\n vse32.v v24, (%[sums])\n"                      \
                     "4: .option pop\n"                                                                              \
                     : [w] "=&r"(w), [x] "=&r"(x), [a] "=&r"(a), [b] "=&r"(b), [pixel] "+r"(pixel), [out] "+r"(out), \
                       [pixels] "+r"(pixels)                                                                         \
                     : GROAT_RVV_SCALE_OPERANDS(s), [end] "r"(end), [step] "r"(2 * lanes), [half] "r"(lanes / 2),    \
                       [lanes] "r"(lanes), [channels] "r"(s->tile.channels), [inputs] "r"(2 * s->tile.groups),       \
                       [start] "r"(s->start), [offsets] "r"(s->offsets), [sums] "r"(sums)                            \
                     : GROAT_RVV_ALL_REGISTERS)

#define SPLIT_ONE(end) SPLIT_PAIR("vwmul.vv") end
#define SPLIT_TWO(end) SPLIT_PAIR("vwmul.vv") SPLIT_PAIR("vwmacc.vv") end

static inline void groat_rvv_sum_split(groat_rvv_sums *s, const int8_t *pixel, int32_t *sums, int8_t *out,
                                       uint32_t pixels)
{
    uint32_t lanes = s->tile.channels * s->tile.groups;
    const int8_t *x, *w, *end = s->weights + 2 * lanes * s->tile.pairs;
    uint32_t a, b;
    if (lanes / 2 != groat_rvv_group_lanes()) {
        if (s->chunk == 1) {
            SPLIT("", "1:\n" SPLIT_ONE(SPLIT_END) "bne %[w], %[end], 1b\n");
        } else {
            SPLIT("", "1:\n" SPLIT_TWO(SPLIT_END) "bne %[w], %[end], 1b\n");
        }
    } else if (s->chunk == 1) {
        s->entry = 44 * (-s->tile.pairs & 3);
        SPLIT(ENTER, "1:\n" SPLIT_ONE(SPLIT_END_FULL) SPLIT_ONE(SPLIT_END_FULL) SPLIT_ONE(SPLIT_END_FULL)
                         SPLIT_ONE(SPLIT_END_FULL) "bne %[w], %[end], 1b\n");
    } else {
        SPLIT("", "1:\n" SPLIT_TWO(SPLIT_END_FULL) "bne %[w], %[end], 1b\n");
    }
}

/* Computes all channels of the tile for `pixels` pixels; `pixel` are the first one's inputs.  If `sums` is not NULL,
 * there is one pixel, and its sums go there instead of `out`. */
static inline void groat_rvv_sum(groat_rvv_sums *s, const int8_t *pixel, int32_t *sums, int8_t *out, uint32_t pixels)
{
    if (s->tile.groups == 1) {
        groat_rvv_sum_wide(s, pixel, sums, out, pixels);
    } else {
        groat_rvv_sum_split(s, pixel, sums, out, pixels);
    }
}

#else

static inline void groat_rvv_sum(groat_rvv_sums *s, const int8_t *pixel, int32_t *sums, int8_t *out, uint32_t pixels)
{
    const groat_rvv_tile *t = &s->tile;
    uint32_t lanes = t->channels * t->groups;
    int32_t own[GROAT_RVV_LANES];
    int32_t *to = sums != NULL ? sums : own;
    for (; pixels > 0; pixels--, pixel += s->pixel_stride, out += s->out_stride) {
        const int8_t *w = s->weights;
        for (uint32_t c = 0; c < t->channels; c++) {
            to[c] = s->start[c];
        }
        for (uint32_t p = 0; p < t->pairs; p += s->chunk) {
            for (uint32_t lane = 0; lane < lanes; lane++) {
                uint32_t sum = 0;
                for (uint32_t i = 0; i < s->chunk; i++) {
                    const int8_t *weight = w + (i * lanes + lane) * 2;
                    const int8_t *input = pixel + (p + i) * t->groups * 2 + lane / t->channels * 2;
                    sum += (uint32_t)(weight[0] * input[0] + weight[1] * input[1]);
                }
                uint32_t c = lane % t->channels;
                to[c] = (int32_t)((uint32_t)to[c] + (uint32_t)(int16_t)(uint16_t)sum);
            }
            w += s->chunk * lanes * 2;
        }
        if (sums == NULL) {
            groat_rvv_scale_any(&s->scale, own, 0, out, t->channels);
        }
    }
}

#endif

#endif
