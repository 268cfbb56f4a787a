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

/* Blocks of the same channels at equal distances.  The assembly knows where the members up to `out_step` lie. */
typedef struct groat_rvv_pass {
    groat_rvv_scale scale;
    const int8_t *weights;     /* 32 */
    const int8_t *const *taps; /* 36 */
    const int32_t *upper_bias; /* 40 */
    uint32_t position_step;    /* 44: from one block to the next */
    uint32_t out_step;         /* 48 */
    const int32_t *bias;
    uint32_t tap_count;
    uint32_t weights_step;     /* from one tap to the next */
    const uint8_t *offsets;    /* of each lane's input from the block's first one; NULL for lanes side by side */
    uint32_t lanes;
    uint32_t lower;            /* lanes that one group of eight registers holds */
} groat_rvv_pass;

#if defined(__riscv_vector)

_Static_assert(offsetof(groat_rvv_pass, out_step) == 48, "as the assembly has it");

/* v0: inputs, v4: weights, v8: 16-bit sums, v16 and v24: 32-bit sums of the lower and upper lanes. */
#define TAP_SIDE_BY_SIDE(at) "lw %[a], " at "(%[tap])\n add %[a], %[a], %[position]\n vle8.v v0, (%[a])\n"
#define TAP_LOOKED_UP(at) \
    "lw %[a], " at "(%[tap])\n vle8.v v0, (%[offsets])\n add %[a], %[a], %[position]\n vluxei8.v v0, (%[a]), v0\n"
#define WEIGHTS "vle8.v v4, (%[w])\n add %[w], %[w], %[step]\n"
#define END "vsetvli zero, %[lower], e16, m4, ta, ma\n vwadd.wv v16, v16, v8\n vwadd.wv v24, v24, v12\n"

#define PASS(TAP)                                                                                                      \
    __asm__ volatile(                                                                                                  \
        "0: lw %[a], 40(%[scale])\n lw %[w], 32(%[scale])\n lw %[tap], 36(%[scale])\n"                                 \
        "vsetvli zero, %[upper], e32, m8, ta, ma\n vle32.v v24, (%[a])\n"                                              \
        "vsetvli zero, %[lower], e32, m8, ta, ma\n vle32.v v16, (%[bias])\n"                                           \
        "vsetvli zero, %[lanes], e8, m4, ta, ma\n beq %[tap], %[end], 2f\n"                                            \
        "1:\n" TAP("0") WEIGHTS "vwmul.vv v8, v0, v4\n" TAP("4") WEIGHTS                                               \
        "addi %[tap], %[tap], 8\n vwmacc.vv v8, v0, v4\n" END                                                          \
        "vsetvli zero, %[lanes], e8, m4, ta, ma\n bne %[tap], %[end], 1b\n"                                            \
        "2: beqz %[odd], 3f\n" TAP("0") WEIGHTS                                                                        \
        "vwmul.vv v8, v0, v4\n" END "3: bnez %[sums], 4f\n" GROAT_RVV_SCALE_LOWER(                                     \
            "%[lower]",                                                                                                \
            "%[out]") "add %[w], %[out], %[lower]\n" GROAT_RVV_SCALE_UPPER("%[upper]",                                 \
                                                                           "%[w]") "addi %[count], %[count], -1\n lw " \
                                                                                   "%[a], 44(%[scale])\n lw %[w], "    \
                                                                                   "48(%[scale])\n"                    \
                                                                                   "add %[position], %[position], "    \
                                                                                   "%[a]\n add %[out], %[out], "       \
                                                                                   "%[w]\n bnez %[count], 0b\n j 5f\n" \
                                                                                   "4: vsetvli zero, %[lower], e32, "  \
                                                                                   "m8, ta, ma\n vse32.v v16, "        \
                                                                                   "(%[sums])\n"                       \
                                                                                   "slli %[a], %[lower], 2\n add "     \
                                                                                   "%[a], %[a], %[sums]\n"             \
                                                                                   "vsetvli zero, %[upper], e32, m8, " \
                                                                                   "ta, ma\n vse32.v v24, (%[a])\n "   \
                                                                                   "5:\n"                              \
        :                                                                                                              \
        [w] "=&r"(w), [tap] "=&r"(tap), [a] "=&r"(a), [position] "+r"(position), [out] "+r"(out), [count] "+r"(count)  \
        : GROAT_RVV_SCALE_OPERANDS(p), [end] "r"(p->taps + (p->tap_count & ~1u)), [odd] "r"(p->tap_count & 1),         \
          [step] "r"(p->weights_step), [lower] "r"(p->lower), [upper] "r"(p->lanes - p->lower), [lanes] "r"(p->lanes), \
          [bias] "r"(p->bias), [sums] "r"(sums), [offsets] "r"(p->offsets)                                             \
        : GROAT_RVV_ALL_REGISTERS)

/* Computes `count` blocks, the first from inputs at `position` from each tap.  If `sums` is not NULL, there is one
 * block, and its sums go there instead of `out`. */
static inline void groat_rvv_run_blocks(const groat_rvv_pass *p, uint32_t position, int32_t *sums, int8_t *out,
                                        uint32_t count)
{
    const int8_t *w;
    const int8_t *const *tap;
    uint32_t a;
    if (p->offsets != NULL) {
        PASS(TAP_LOOKED_UP);
    } else {
        PASS(TAP_SIDE_BY_SIDE);
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
            uint32_t sum = (uint32_t)p->bias[i];
            for (uint32_t t = 0; t < p->tap_count; t += 2) {
                int32_t two = p->taps[t][at] * w[t * p->weights_step];
                if (t + 1 < p->tap_count) {
                    two += p->taps[t + 1][at] * w[(t + 1) * p->weights_step];
                }
                sum += (uint32_t)(int16_t)(uint16_t)two;
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
