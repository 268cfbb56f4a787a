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

/* Inputs that lie side by side, for all pixels. */
typedef struct groat_rvv_segment {
    const int8_t *x;  /* of the first pixel */
    uint32_t singles; /* bytes of the weights of pairs before the first round */
    uint32_t weights; /* bytes of them and the rounds */
} groat_rvv_segment;

/* The assembly knows where the members up to `out_stride` lie. */
typedef struct groat_rvv_sums {
    groat_rvv_scale scale;
    const int8_t *weights;             /* 32 */
    const int32_t *start;              /* 36 */
    const groat_rvv_segment *segments; /* 40 */
    uint32_t pixel_stride;             /* 44 */
    uint32_t out_stride;               /* 48 */
    groat_rvv_tile tile;
    uint32_t chunk;
    uint32_t lower;                    /* lanes that one group of eight registers holds */
    const groat_rvv_segment *segments_end;
    const uint8_t *offsets;            /* of each lane's input in pairs 0 to 3 */
} groat_rvv_sums;

#if defined(__riscv_vector)

_Static_assert(offsetof(groat_rvv_sums, out_stride) == 48 && sizeof(groat_rvv_segment) == 12, "as the assembly has it");

/* One group.  v0, v4: weights of two inputs.  v8: 16-bit sums.  v16, v24: 32-bit sums of the lower and upper lanes. */
#define WIDE_PAIR(at, first)                                                                                          \
    "vlseg2e8.v v0, (%[w])\n add %[w], %[w], %[step]\n lb %[a], 2*" #at "(%[x])\n lb %[b], 2*" #at "+1(%[x])\n" first \
    "vwmacc.vx v8, %[b], v4\n"
#define WIDE_FIRST "vwmul.vx v8, v0, %[a]\n"
#define WIDE_NEXT "vwmacc.vx v8, %[a], v0\n"
#define WIDE_END                                                                                 \
    "vsetvli zero, %[lower], e16, m4, ta, ma\n vwadd.wv v16, v16, v8\n vwadd.wv v24, v24, v12\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
/* Rounds of four or eight pairs in sums of 1, 2, 4 or 8. */
#define WIDE_ROUND1                                            \
    WIDE_PAIR(0, WIDE_FIRST) WIDE_END WIDE_PAIR(1, WIDE_FIRST) \
    WIDE_END WIDE_PAIR(2, WIDE_FIRST)                          \
    WIDE_END                                                   \
    WIDE_PAIR(3, WIDE_FIRST) WIDE_END
#define WIDE_ROUND2 \
    WIDE_PAIR(0, WIDE_FIRST) WIDE_PAIR(1, WIDE_NEXT) WIDE_END WIDE_PAIR(2, WIDE_FIRST) WIDE_PAIR(3, WIDE_NEXT) WIDE_END
#define WIDE_FOUR WIDE_PAIR(0, WIDE_FIRST) WIDE_PAIR(1, WIDE_NEXT) WIDE_PAIR(2, WIDE_NEXT) WIDE_PAIR(3, WIDE_NEXT)
#define WIDE_ROUND4 WIDE_FOUR WIDE_END
#define WIDE_ROUND8 \
    WIDE_FOUR WIDE_PAIR(4, WIDE_NEXT) WIDE_PAIR(5, WIDE_NEXT) WIDE_PAIR(6, WIDE_NEXT) WIDE_PAIR(7, WIDE_NEXT) WIDE_END
#define WIDE_BEGIN                                                              \
    "vsetvli zero, %[upper], e32, m8, ta, ma\n vle32.v v24, (%[upper_start])\n" \
    "vsetvli zero, %[lower], e32, m8, ta, ma\n vle32.v v16, (%[start])\n"
#define WIDE_FINISH                                                                                 \
    "bnez %[sums], 8f\n" GROAT_RVV_SCALE_BOTH(                                                      \
        "%[out]") "addi %[pixels], %[pixels], -1\n add %[position], %[position], %[pixel_stride]\n" \
                  "add %[out], %[out], %[out_stride]\n bnez %[pixels], 0b\n j 9f\n"                 \
                  "8: vsetvli zero, %[lower], e32, m8, ta, ma\n vse32.v v16, (%[sums])\n"           \
                  "slli %[a], %[lower], 2\n add %[a], %[a], %[sums]\n"                              \
                  "vsetvli zero, %[upper], e32, m8, ta, ma\n vse32.v v24, (%[a])\n 9:\n"

/* Several groups.  v0: weights (and offsets before them), v16: inputs, v8: 16-bit sums, v24: 32-bit sums of half the
 * lanes, to which the upper half is added as well: it holds the same channels. */
#define SPLIT_PAIR(offsets, first)                                                          \
    "vle8.v v0, (%[" offsets "])\n vluxseg2ei8.v v16, (%[x]), v0\n vlseg2e8.v v0, (%[w])\n" \
    "add %[w], %[w], %[step]\n" first " v8, v16, v0\n vwmacc.vv v8, v20, v4\n"
#define SPLIT_END_FULL                                                                          \
    "vsetvli zero, %[half], e16, m4, ta, ma\n vwadd.wv v24, v24, v8\n vwadd.wv v24, v24, v12\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
#define SPLIT_END                                                                              \
    "vsetvli zero, %[half], e16, m8, ta, ma\n vslidedown.vx v0, v8, %[half]\n"                 \
    "vsetvli zero, %[half], e16, m4, ta, ma\n vwadd.wv v24, v24, v8\n vwadd.wv v24, v24, v0\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
#define SPLIT_ROUND1(end)                                                         \
    SPLIT_PAIR("offsets", "vwmul.vv")                                             \
    end SPLIT_PAIR("offsets1", "vwmul.vv") end SPLIT_PAIR("offsets2", "vwmul.vv") \
        end SPLIT_PAIR("offsets3", "vwmul.vv") end
#define SPLIT_ROUND2(end)             \
    SPLIT_PAIR("offsets", "vwmul.vv") \
    SPLIT_PAIR("offsets1", "vwmacc.vv") end SPLIT_PAIR("offsets2", "vwmul.vv") SPLIT_PAIR("offsets3", "vwmacc.vv") end
#define SPLIT_ROUND4(end)             \
    SPLIT_PAIR("offsets", "vwmul.vv") \
    SPLIT_PAIR("offsets1", "vwmacc.vv") SPLIT_PAIR("offsets2", "vwmacc.vv") SPLIT_PAIR("offsets3", "vwmacc.vv") end
#define SPLIT_BEGIN "lw %[a], 36(%[scale])\n vsetvli zero, %[half], e32, m8, ta, ma\n vle32.v v24, (%[a])\n"
#define SPLIT_FINISH                                                                             \
    "mv %[a], %[half]\n"                                                                         \
    "6: beq %[a], %[channels], 7f\n srli %[a], %[a], 1\n vsetvli zero, %[a], e32, m8, ta, ma\n"  \
    "vslidedown.vx v0, v24, %[a]\n vadd.vv v24, v24, v0\n j 6b\n"                                \
    "7: bnez %[sums], 8f\n" GROAT_RVV_SCALE("v24", "%[channels]", "0", "8", "%[out]") NEXT_PIXEL \
        "j 9f\n"                                                                                 \
        "8: vsetvli zero, %[channels], e32, m8, ta, ma\n vse32.v v24, (%[sums])\n 9:\n"

#define NEXT_PIXEL                                                                    \
    "addi %[pixels], %[pixels], -1\n lw %[a], 44(%[scale])\n lw %[b], 48(%[scale])\n" \
    "add %[position], %[position], %[a]\n add %[out], %[out], %[b]\n bnez %[pixels], 0b\n"

/* Both: segment by segment, its first pairs, its rounds, what is behind them. */
#define EXTRA_ROUND(first) \
    "vlseg2e8.v v0, (%[w])\n add %[w], %[w], %[step]\n vluxei8.v v0, (%[x]), v0\n" first " v8, v0, v4\n"
#define SUMS(begin, single, round, advance, round_advance, flush, finish)                                 \
    "0: lw %[w], 32(%[scale])\n lw %[t], 40(%[scale])\n" begin "vsetvli zero, %[lanes], e8, m4, ta, ma\n" \
    "1: lw %[x], 0(%[t])\n lw %[a], 4(%[t])\n lw %[end], 8(%[t])\n addi %[t], %[t], 12\n"                 \
    "add %[x], %[x], %[position]\n add %[end], %[end], %[w]\n beqz %[a], 3f\n add %[c], %[w], %[a]\n"     \
    "2:\n" single flush advance "bne %[w], %[c], 2b\n"                                                    \
    "3: beq %[w], %[end], 5f\n"                                                                           \
    "4:\n" round round_advance "bne %[w], %[end], 4b\n"                                                   \
    "5: beqz %[extra], 7f\n add %[end], %[w], %[extra]\n addi %[x], %[x], -256\n"                         \
    "6:\n" EXTRA_ROUND("vwmul.vv") EXTRA_ROUND("vwmacc.vv") flush "bne %[w], %[end], 6b\n"                \
                                                                  "7: bne %[t], %[last], 1b\n" finish

#define SUMS_OPERANDS(s)                                                                                         \
    [w] "=&r"(w), [x] "=&r"(x), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [end] "=&r"(end), [t] "=&r"(t),        \
        [position] "+r"(position), [out] "+r"(out),                                                              \
        [pixels] "+r"(pixels)                                                                                    \
        : GROAT_RVV_SCALE_OPERANDS(s), [step] "r"(2 * lanes), [lanes] "r"(lanes), [last] "r"((s)->segments_end), \
          [sums] "r"(sums), [extra] "r"((s)->tile.extra)

static inline void groat_rvv_sum_wide(groat_rvv_sums *s, uint32_t position, int32_t *sums, int8_t *out, uint32_t pixels)
{
    uint32_t lanes = s->tile.channels;
    const int8_t *x, *w, *c, *end;
    const groat_rvv_segment *t;
    uint32_t a, b;
#define WIDE(round, round_advance)                                                                                     \
    __asm__ volatile(                                                                                                  \
        SUMS(WIDE_BEGIN, WIDE_PAIR(0, WIDE_FIRST), round, "addi %[x], %[x], 2\n", round_advance, WIDE_END,             \
             WIDE_FINISH)                                                                                              \
        : SUMS_OPERANDS(s), [lower] "r"(s->lower), [upper] "r"(lanes - s->lower), [start] "r"(s->start),               \
          [upper_start] "r"(s->start + s->lower), [out_stride] "r"(s->out_stride), [pixel_stride] "r"(s->pixel_stride) \
        : GROAT_RVV_ALL_REGISTERS)
    switch (s->chunk) {
    case 1:
        WIDE(WIDE_ROUND1, "addi %[x], %[x], 8\n");
        break;
    case 2:
        WIDE(WIDE_ROUND2, "addi %[x], %[x], 8\n");
        break;
    case 4:
        WIDE(WIDE_ROUND4, "addi %[x], %[x], 8\n");
        break;
    default:
        WIDE(WIDE_ROUND8, "addi %[x], %[x], 16\n");
        break;
    }
}

static inline void groat_rvv_sum_split(groat_rvv_sums *s, uint32_t position, int32_t *sums, int8_t *out,
                                       uint32_t pixels)
{
    uint32_t lanes = s->tile.channels * s->tile.groups;
    const int8_t *x, *w, *c, *end;
    const groat_rvv_segment *t;
    uint32_t a, b;
#define SPLIT(round, flush)                                                                                            \
    __asm__ volatile(                                                                                                  \
        SUMS(SPLIT_BEGIN, SPLIT_PAIR("offsets", "vwmul.vv"), round(flush), "add %[x], %[x], %[inputs]\n",              \
             "add %[x], %[x], %[more]\n", flush, SPLIT_FINISH)                                                         \
        : SUMS_OPERANDS(s), [half] "r"(lanes / 2), [channels] "r"(s->tile.channels), [inputs] "r"(2 * s->tile.groups), \
          [more] "r"(8 * s->tile.groups), [offsets] "r"(s->offsets), [offsets1] "r"(s->offsets + GROAT_RVV_LANES),     \
          [offsets2] "r"(s->offsets + 2 * GROAT_RVV_LANES), [offsets3] "r"(s->offsets + 3 * GROAT_RVV_LANES)           \
        : GROAT_RVV_ALL_REGISTERS)
    if (lanes / 2 == groat_rvv_group_lanes()) {
        switch (s->chunk) {
        case 1:
            SPLIT(SPLIT_ROUND1, SPLIT_END_FULL);
            break;
        case 2:
            SPLIT(SPLIT_ROUND2, SPLIT_END_FULL);
            break;
        default:
            SPLIT(SPLIT_ROUND4, SPLIT_END_FULL);
            break;
        }
        return;
    }
    switch (s->chunk) {
    case 1:
        SPLIT(SPLIT_ROUND1, SPLIT_END);
        break;
    case 2:
        SPLIT(SPLIT_ROUND2, SPLIT_END);
        break;
    default:
        SPLIT(SPLIT_ROUND4, SPLIT_END);
        break;
    }
}

/* Computes all channels of the tile for `pixels` pixels, the first at `position` from the segments' inputs.  If `sums`
 * is not NULL, there is one pixel, and its sums go there instead of `out`. */
static inline void groat_rvv_sum(groat_rvv_sums *s, uint32_t position, int32_t *sums, int8_t *out, uint32_t pixels)
{
    if (s->tile.groups == 1) {
        groat_rvv_sum_wide(s, position, sums, out, pixels);
    } else {
        groat_rvv_sum_split(s, position, sums, out, pixels);
    }
}

#else

/* sum += the 16-bit sum of `pairs` pairs, lane by lane. */
static inline void groat_rvv_add_pairs(const groat_rvv_tile *t, const int8_t *x, const int8_t *w, uint32_t pairs,
                                       int32_t *sums)
{
    uint32_t lanes = t->channels * t->groups;
    for (uint32_t lane = 0; lane < lanes; lane++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < pairs; i++) {
            const int8_t *weight = w + (i * lanes + lane) * 2;
            const int8_t *input = x + i * t->groups * 2 + lane / t->channels * 2;
            sum += (uint32_t)(weight[0] * input[0] + weight[1] * input[1]);
        }
        int32_t *to = &sums[lane % t->channels];
        *to = (int32_t)((uint32_t)*to + (uint32_t)(int16_t)(uint16_t)sum);
    }
}

/* The same for two products of each lane behind a segment, which ends at x. */
static inline void groat_rvv_add_extra(const groat_rvv_tile *t, const int8_t *x, const int8_t *w, int32_t *sums)
{
    uint32_t lanes = t->channels * t->groups;
    for (uint32_t lane = 0; lane < lanes; lane++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < 2; i++) {
            const int8_t *product = w + (i * lanes + lane) * 2;
            sum += (uint32_t)(x[(uint8_t)product[0] - (int32_t)GROAT_RVV_SEGMENT] * product[1]);
        }
        int32_t *to = &sums[lane % t->channels];
        *to = (int32_t)((uint32_t)*to + (uint32_t)(int16_t)(uint16_t)sum);
    }
}

static inline void groat_rvv_sum(groat_rvv_sums *s, uint32_t position, int32_t *sums, int8_t *out, uint32_t pixels)
{
    const groat_rvv_tile *t = &s->tile;
    uint32_t lanes = t->channels * t->groups;
    int32_t own[GROAT_RVV_LANES];
    int32_t *to = sums != NULL ? sums : own;
    for (; pixels > 0; pixels--, position += s->pixel_stride, out += s->out_stride) {
        const int8_t *w = s->weights;
        for (uint32_t c = 0; c < t->channels; c++) {
            to[c] = s->start[c];
        }
        for (const groat_rvv_segment *g = s->segments; g != s->segments_end; g++) {
            const int8_t *x = g->x + position;
            const int8_t *rounds = w + g->singles, *end = w + g->weights;
            while (w != end) {
                uint32_t pairs = w < rounds ? 1 : s->chunk;
                groat_rvv_add_pairs(t, x, w, pairs, to);
                x += pairs * t->groups * 2;
                w += pairs * lanes * 2;
            }
            for (end += t->extra; w != end; w += 4 * lanes) {
                groat_rvv_add_extra(t, x, w, to);
            }
        }
        if (sums == NULL) {
            groat_rvv_scale_any(&s->scale, own, 0, out, t->channels);
        }
    }
}

#endif

#endif
