/* SPDX-License-Identifier: Apache-2.0
 *
 * The sums of a depthwise convolution: blocks of up to 64 lanes, each a filter over as many taps.
 *
 * Two taps make a 16-bit sum, then are added to 32-bit sums: the packer has proven that no input can overflow them.
 * All 32 registers are in use, hence assembly.
 */
#ifndef GROAT_RVV_PASSES_H
#define GROAT_RVV_PASSES_H

#include "scale.h"

#define GROAT_RVV_PASS_LANES 64u

/* Blocks of the same channels at equal distances.  The assembly knows where the members of `scale` lie. */
typedef struct groat_rvv_pass {
    groat_rvv_scale scale;
    const int8_t *weights;  /* of three rows of three taps, those of the first four in pairs: [channel][2] */
    const int8_t *const *rows;
    uint32_t row_count;
    uint32_t taps;          /* in a row */
    uint32_t tap_stride;
    uint32_t position_step; /* from one block to the next */
    uint32_t out_step;
    const int32_t *bias;
    uint32_t weights_step;  /* from one tap to the next */
    uint32_t first;         /* the block's first channel, among the weights */
    const uint8_t *offsets; /* of each lane's input from the block's first one; NULL for lanes side by side */
    uint32_t lanes;
    uint32_t lower;         /* lanes that one group of eight registers holds */
} groat_rvv_pass;

static inline int groat_rvv_is_3x3(uint32_t rows, uint32_t taps)
{
    return rows == 3 && taps == 3;
}

#if defined(__riscv_vector)

/* v0: inputs, v4: weights, v8: 16-bit sums, v16 and v24: 32-bit sums of the lower and upper lanes. */
#define SIDE_BY_SIDE(x) "vle8.v v0, (" x ")\n"
#define LOOKED_UP(x) "vle8.v v0, (%[offsets])\n vluxei8.v v0, (" x "), v0\n"
#define TAP(LOAD, x, multiply) LOAD(x) "vle8.v v4, (%[w])\n add %[w], %[w], %[step]\n " multiply ".vv v8, v0, v4\n"
#define FLUSH                                                                                    \
    "vsetvli zero, %[lower], e16, m4, ta, ma\n vwadd.wv v16, v16, v8\n vwadd.wv v24, v24, v12\n" \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
#define NEXT_TAP "add %[x], %[x], %[tap_stride]\n"
#define PAIR(LOAD) TAP(LOAD, "%[x]", "vwmul") NEXT_TAP TAP(LOAD, "%[x]", "vwmacc") NEXT_TAP FLUSH

#define BEGIN                                                                     \
    "0: vsetvli zero, %[upper], e32, m8, ta, ma\n vle32.v v24, (%[upper_bias])\n" \
    "vsetvli zero, %[lower], e32, m8, ta, ma\n vle32.v v16, (%[bias])\n"          \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n mv %[w], %[weights]\n"
#define FINISH                                                                                                 \
    "bnez %[sums], 8f\n" GROAT_RVV_SCALE_BOTH(                                                                 \
        "%[out]") "addi %[count], %[count], -1\n add %[out], %[out], %[out_step]\n bnez %[count], 0b\n j 9f\n" \
                  "8: vsetvli zero, %[lower], e32, m8, ta, ma\n vse32.v v16, (%[sums])\n"                      \
                  "slli %[a], %[lower], 2\n add %[a], %[a], %[sums]\n"                                         \
                  "vsetvli zero, %[upper], e32, m8, ta, ma\n vse32.v v24, (%[a])\n 9:\n"
#define PASS_OPERANDS(start)                                                                               \
    GROAT_RVV_SCALE_OPERANDS(p), [weights] "r"(start), [step] "r"(p->weights_step), [lower] "r"(p->lower), \
        [upper] "r"(p->lanes - p->lower), [lanes] "r"(p->lanes), [bias] "r"(p->bias),                      \
        [upper_bias] "r"(p->bias + p->lower), [tap_stride] "r"(p->tap_stride), [sums] "r"(sums),           \
        [offsets] "r"(p->offsets), [out_step] "r"(p->out_step), [position_step] "r"(p->position_step)

/* Three rows of three taps.  Weights of the first four come in pairs: they are in v24 and v28, while 16-bit sums are in
 * v8 and v16.  Together these become 32-bit sums in v0 and v8, and the other taps go on in v16 and v20, their sums in
 * v24.  The bias is added at the end. */
#define LOAD_SIDE_BY_SIDE(to, x) "vle8.v " to ", (" x ")\n"
#define LOAD_LOOKED_UP(to, x) "vle8.v " to ", (%[offsets])\n vluxei8.v " to ", (" x "), " to "\n"
#define TAP_3X3(LOAD, x, multiply, w) \
    LOAD("v16", x) "vle8.v v20, (" w ")\n add %[w], " w ", %[step]\n " multiply ".vv v24, v16, v20\n"
#define FLUSH_3X3 "vsetvli zero, %[lower], e16, m4, ta, ma\n vwadd.wv v0, v0, v24\n vwadd.wv v8, v8, v28\n"
#define BYTES "vsetvli zero, %[lanes], e8, m4, ta, ma\n"
#define ADD_BIAS(sum, lanes, bias) \
    "vsetvli zero, " lanes ", e32, m8, ta, ma\n vle32.v v16, (" bias ")\n vadd.vv " sum ", " sum ", v16\n"
#define SCALE_3X3(sum, multipliers)                                                               \
    "lw %[a], " multipliers "(%[scale])\n vle32.v v16, (%[a])\n vsmul.vv " sum ", " sum ", v16\n" \
    "vsra.vi v16, " sum ", 31\n vadd.vv " sum ", " sum ", v16\n"
#define PASS_3X3(LOAD)                                                                                                       \
    __asm__ volatile(                                                                                                        \
        "0: " BYTES "vlseg2e8.v v24, (%[pairs])\n" LOAD(                                                                     \
            "v0",                                                                                                            \
            "%[r0]") "vwmul.vv v8, v0, v24\n"                                                                                \
                     "add %[x], %[r0], %[tap_stride]\n" LOAD(                                                                \
                         "v0",                                                                                               \
                         "%[x]") "vwmacc.vv v8, v0, v28\n" NEXT_TAP                                                          \
                                 "vlseg2e8.v v24, (%[more_pairs])\n" LOAD(                                                   \
                                     "v0",                                                                                   \
                                     "%["                                                                                    \
                                     "x]") "vwmul.vv v16, v0, v24\n" LOAD("v0",                                              \
                                                                          "%[r1]") "vwmacc.vv v16, v0, v28\n"                \
                                                                                   "vsetvli zero, %[lower], e16, m4, "       \
                                                                                   "ta, "                                    \
                                                                                   "ma\n vwadd.vv v0, v8, v16\n "            \
                                                                                   "vwadd.vv "                               \
                                                                                   "v8, v12, v20\n" BYTES                    \
                                                                                   "add %[x], %[r1], "                       \
                                                                                   "%[tap_stride]\n" TAP_3X3(                \
                                                                                       LOAD, "%[x]", "vwmul",                \
                                                                                       "%[weights]")                         \
                                                                                       NEXT_TAP TAP_3X3(LOAD,                \
                                                                                                        "%["                 \
                                                                                                        "x]",                \
                                                                                                        "vwm"                \
                                                                                                        "ac"                 \
                                                                                                        "c",                 \
                                                                                                        "%["                 \
                                                                                                        "w]")                \
                                                                                           FLUSH_3X3 BYTES TAP_3X3(          \
                                                                                               LOAD, "%[r2]", "vwmul",       \
                                                                                               "%[w]") "add %[x], "          \
                                                                                                       "%[r2], "             \
                                                                                                       "%[tap_stride]"       \
                                                                                                       "\n" TAP_3X3(         \
                                                                                                           LOAD,             \
                                                                                                           "%[x]",           \
                                                                                                           "vwmacc",         \
                                                                                                           "%[w]") FLUSH_3X3 \
                                                                                                           BYTES NEXT_TAP    \
                                                                                                               TAP_3X3(      \
                                                                                                                   LOAD,     \
                                                                                                                   "%"       \
                                                                                                                   "["       \
                                                                                                                   "x"       \
                                                                                                                   "]",      \
                                                                                                                   "v"       \
                                                                                                                   "w"       \
                                                                                                                   "m"       \
                                                                                                                   "u"       \
                                                                                                                   "l",      \
                                                                                                                   "%"       \
                                                                                                                   "["       \
                                                                                                                   "w"       \
                                                                                                                   "]")      \
                                                                                                                   FLUSH_3X3 \
        "add %[r0], %[r0], %[position_step]\n add %[r1], %[r1], %[position_step]\n"                                          \
        "add %[r2], %[r2], %[position_step]\n bnez %[sums], 8f\n" ADD_BIAS("v0", "%[lower]", "%[bias]")                      \
            SCALE_3X3("v0", "0") ADD_BIAS("v8", "%[upper]", "%[upper_bias]") SCALE_3X3(                                      \
                "v8",                                                                                                        \
                "4") "lw %[a], 8(%[scale])\n vsetvli zero, %[lanes], e16, m8, ta, ma\n vle16.v v16, (%[a])\n"                \
                     "vsetvli zero, %[lower], e16, m4, ta, ma\n vnclip.wv v24, v0, v16\n vnclip.wv v28, v8, v20\n"           \
                     "vsetvli zero, %[lanes], e16, m8, ta, ma\n vsadd.vx v24, v24, %[zero_point]\n" BYTES                    \
                     "vnclip.wi v16, v24, 0\n vmax.vx v16, v16, %[low]\n vmin.vx v16, v16, %[high]\n vse8.v v16, "           \
                     "(%[out])\n"                                                                                            \
                     "addi %[count], %[count], -1\n add %[out], %[out], %[out_step]\n bnez %[count], 0b\n j 9f\n"            \
                     "8: " ADD_BIAS("v0", "%[lower]",                                                                        \
                                    "%[bias]") "vse32.v v0, (%[sums])\n"                                                     \
                                               "slli %[a], %[lower], 2\n add %[a], %[a], %[sums]\n" ADD_BIAS(                \
                                                   "v8", "%[upper]", "%[upper_bias]") "vse32.v v8, (%[a])\n 9:\n"            \
        : [r0] "+r"(r0), [r1] "+r"(r1), [r2] "+r"(r2), [w] "=&r"(w), [x] "=&r"(x), [a] "=&r"(a), [out] "+r"(out),            \
          [count] "+r"(count)                                                                                                \
        : PASS_OPERANDS(p->weights + 4 * p->weights_step + p->first), [pairs] "r"(p->weights + 2 * p->first),                \
          [more_pairs] "r"(p->weights + 2 * (p->weights_step + p->first))                                                    \
        : GROAT_RVV_ALL_REGISTERS)

/* Any.  An odd tap at the end of a row makes a sum with the first one of the next. */
#define ROW "lw %[x], 0(%[row])\n addi %[row], %[row], 4\n add %[x], %[x], %[position]\n"
#define PASS(LOAD)                                                                                                    \
    __asm__ volatile(                                                                                                 \
        BEGIN "mv %[row], %[rows]\n"                                                                                  \
              "1: " ROW "beqz %[span], 3f\n add %[a], %[x], %[span]\n"                                                \
              "2:\n" PAIR(LOAD) "bne %[x], %[a], 2b\n"                                                                \
                                "3: beqz %[odd], 6f\n" TAP(LOAD, "%[x]", "vwmul") "beq %[row], %[end], 5f\n" ROW TAP( \
                                    LOAD, "%[x]", "vwmacc") FLUSH NEXT_TAP                                            \
        "beqz %[span], 6f\n add %[a], %[x], %[span]\n"                                                                \
        "4:\n" PAIR(LOAD) "bne %[x], %[a], 4b\n j 6f\n"                                                               \
                          "5:\n" FLUSH                                                                                \
                          "6: bne %[row], %[end], 1b\n add %[position], %[position], %[position_step]\n" FINISH       \
        : [row] "=&r"(row), [w] "=&r"(w), [x] "=&r"(x), [a] "=&r"(a), [position] "+r"(position), [out] "+r"(out),     \
          [count] "+r"(count)                                                                                         \
        : PASS_OPERANDS(p->weights + p->first), [rows] "r"(p->rows), [end] "r"(p->rows + p->row_count),               \
          [odd] "r"(p->taps & 1), [span] "r"((p->taps & ~1u) * p->tap_stride)                                         \
        : GROAT_RVV_ALL_REGISTERS)

/* Computes `count` blocks, the first from inputs at `position` from each row.  If `sums` is not NULL, there is one
 * block, and its sums go there instead of `out`. */
static inline void groat_rvv_run_blocks(const groat_rvv_pass *p, uint32_t position, int32_t *sums, int8_t *out,
                                        uint32_t count)
{
    const int8_t *w, *x;
    uint32_t a;
    if (groat_rvv_is_3x3(p->row_count, p->taps)) {
        const int8_t *r0 = p->rows[0] + position, *r1 = p->rows[1] + position, *r2 = p->rows[2] + position;
        if (p->offsets != NULL) {
            PASS_3X3(LOAD_LOOKED_UP);
        } else {
            PASS_3X3(LOAD_SIDE_BY_SIDE);
        }
        return;
    }
    const int8_t *const *row;
    if (p->offsets != NULL) {
        PASS(LOOKED_UP);
    } else {
        PASS(SIDE_BY_SIDE);
    }
}

#else

/* The weight of a tap in lane i of a block. */
static inline int32_t groat_rvv_pass_weight(const groat_rvv_pass *p, uint32_t tap, uint32_t i)
{
    if (groat_rvv_is_3x3(p->row_count, p->taps) && tap < 4) {
        return p->weights[tap / 2 * 2 * p->weights_step + 2 * (p->first + i) + tap % 2];
    }
    return p->weights[tap * p->weights_step + p->first + i];
}

static inline void groat_rvv_run_blocks(const groat_rvv_pass *p, uint32_t position, int32_t *sums, int8_t *out,
                                        uint32_t count)
{
    int32_t own[GROAT_RVV_PASS_LANES];
    int32_t *to = sums != NULL ? sums : own;
    for (; count > 0; count--, position += p->position_step, out += p->out_step) {
        for (uint32_t i = 0; i < p->lanes; i++) {
            uint32_t at = position + (p->offsets != NULL ? p->offsets[i] : i);
            uint32_t sum = (uint32_t)p->bias[i], two = 0;
            for (uint32_t t = 0, count_taps = p->row_count * p->taps; t < count_taps; t++) {
                two +=
                    (uint32_t)(p->rows[t / p->taps][at + t % p->taps * p->tap_stride] * groat_rvv_pass_weight(p, t, i));
                if (t % 2 == 1 || t + 1 == count_taps) {
                    sum += (uint32_t)(int16_t)(uint16_t)two;
                    two = 0;
                }
            }
            to[i] = (int32_t)sum;
        }
        if (sums == NULL) {
            groat_rvv_scale_any(&p->scale, own, 0, out, p->lanes);
        }
    }
}

#endif

#endif
