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
    const int8_t *weights;
    const int8_t *const *rows;
    uint32_t row_count;
    uint32_t taps;          /* in a row */
    uint32_t tap_stride;
    uint32_t position_step; /* from one block to the next */
    uint32_t out_step;
    const int32_t *bias;
    uint32_t weights_step;  /* from one tap to the next */
    const uint8_t *offsets; /* of each lane's input from the block's first one; NULL for lanes side by side */
    uint32_t lanes;
    uint32_t lower;         /* lanes that one group of eight registers holds */
} groat_rvv_pass;

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
#define PASS_OPERANDS                                                                                           \
    GROAT_RVV_SCALE_OPERANDS(p), [weights] "r"(p->weights), [step] "r"(p->weights_step), [lower] "r"(p->lower), \
        [upper] "r"(p->lanes - p->lower), [lanes] "r"(p->lanes), [bias] "r"(p->bias),                           \
        [upper_bias] "r"(p->bias + p->lower), [tap_stride] "r"(p->tap_stride), [sums] "r"(sums),                \
        [offsets] "r"(p->offsets), [out_step] "r"(p->out_step), [position_step] "r"(p->position_step)

/* Three rows of three taps. */
#define PASS_3X3(LOAD)                                                                                                \
    __asm__ volatile(BEGIN TAP(LOAD, "%[r0]", "vwmul") "add %[x], %[r0], %[tap_stride]\n" TAP(LOAD, "%[x]", "vwmacc") \
                         FLUSH NEXT_TAP TAP(LOAD, "%[x]", "vwmul") TAP(LOAD, "%[r1]", "vwmacc") FLUSH                 \
                     "add %[x], %[r1], %[tap_stride]\n" PAIR(LOAD)                                                    \
                         TAP(LOAD, "%[r2]", "vwmul") "add %[x], %[r2], %[tap_stride]\n" TAP(LOAD, "%[x]", "vwmacc")   \
                             FLUSH NEXT_TAP TAP(LOAD, "%[x]", "vwmul") FLUSH                                          \
                     "add %[r0], %[r0], %[position_step]\n add %[r1], %[r1], %[position_step]\n"                      \
                     "add %[r2], %[r2], %[position_step]\n" FINISH                                                    \
                     : [r0] "+r"(r0), [r1] "+r"(r1), [r2] "+r"(r2), [w] "=&r"(w), [x] "=&r"(x), [a] "=&r"(a),         \
                       [out] "+r"(out), [count] "+r"(count)                                                           \
                     : PASS_OPERANDS                                                                                  \
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
        : PASS_OPERANDS, [rows] "r"(p->rows), [end] "r"(p->rows + p->row_count), [odd] "r"(p->taps & 1),              \
          [span] "r"((p->taps & ~1u) * p->tap_stride)                                                                 \
        : GROAT_RVV_ALL_REGISTERS)

/* Computes `count` blocks, the first from inputs at `position` from each row.  If `sums` is not NULL, there is one
 * block, and its sums go there instead of `out`. */
static inline void groat_rvv_run_blocks(const groat_rvv_pass *p, uint32_t position, int32_t *sums, int8_t *out,
                                        uint32_t count)
{
    const int8_t *w, *x;
    uint32_t a;
    if (p->row_count == 3 && p->taps == 3) {
        const int8_t *r0 = p->rows[0] + position, *r1 = p->rows[1] + position, *r2 = p->rows[2] + position;
        if (p->offsets != NULL) {
            PASS_3X3(LOOKED_UP);
        } else {
            PASS_3X3(SIDE_BY_SIDE);
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

static inline void groat_rvv_run_blocks(const groat_rvv_pass *p, uint32_t position, int32_t *sums, int8_t *out,
                                        uint32_t count)
{
    int32_t own[GROAT_RVV_PASS_LANES];
    int32_t *to = sums != NULL ? sums : own;
    for (; count > 0; count--, position += p->position_step, out += p->out_step) {
        for (uint32_t i = 0; i < p->lanes; i++) {
            uint32_t at = position + (p->offsets != NULL ? p->offsets[i] : i);
            const int8_t *w = p->weights + i;
            uint32_t sum = (uint32_t)p->bias[i], two = 0;
            for (uint32_t t = 0, count_taps = p->row_count * p->taps; t < count_taps; t++, w += p->weights_step) {
                two += (uint32_t)(p->rows[t / p->taps][at + t % p->taps * p->tap_stride] * *w);
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
