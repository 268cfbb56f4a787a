/* SPDX-License-Identifier: Apache-2.0
 *
 * How the templates of gradients (fpu_*_grad_tmpl.h) multiply with Helium: their sixteen sums s0 to s15 are q0 to q3, of which
 * each takes a vector of four times a scalar.  Helium takes subnormal numbers for zero, which float32 has no room for elsewhere
 * (docs/NUMERICS.md), but gradients do.
 */
#ifndef GROAT_MVE_GRAD_F32_H
#define GROAT_MVE_GRAD_F32_H

#include "../fpu_f32.h"

#if FPU_ASSEMBLY

/* A pixel: four inputs times four outputs' gradients. */
#define PIXEL                          \
    "ldm %[dy], {r4, r5, r6, r8}\n\t"  \
    "vldrw.u32 q4, [%[x]]\n\t"         \
    "add %[dy], %[dy], %[dy_step]\n\t" \
    "add %[x], %[x], %[x_step]\n\t"    \
    "vfma.f32 q0, q4, r4\n\t"          \
    "vfma.f32 q1, q4, r5\n\t"          \
    "vfma.f32 q2, q4, r6\n\t"          \
    "vfma.f32 q3, q4, r8\n\t"
#define PIXEL_TEMPORARIES "r4", "r5", "r6", "r8", FPU_UPPER_HALF

/* Four or eight of the one side, in q4 and q5, times one to three of the other, from s24 on. */
#define BY(s, products) "vmov r4, " s "\n\t" products
#define FOUR_BY_ONE BY("s24", "vfma.f32 q0, q4, r4\n\t")
#define FOUR_BY_TWO FOUR_BY_ONE BY("s25", "vfma.f32 q1, q4, r4\n\t")
#define FOUR_BY_THREE FOUR_BY_TWO BY("s26", "vfma.f32 q2, q4, r4\n\t")
#define EIGHT_BY_ONE FOUR_BY_ONE "vfma.f32 q1, q5, r4\n\t"

/* Eight channels times eight others, and times one. */
#undef FPU_EIGHT_PRODUCTS
#undef FPU_EIGHT_BY_ONE
#undef FPU_EIGHT_FACTORS
#define FPU_EIGHT_PRODUCTS "vfma.f32 q0, q2, q4\n\tvfma.f32 q1, q3, q5\n\t"
#define FPU_EIGHT_BY_ONE BY("s8", "vfma.f32 q0, q4, r4\n\tvfma.f32 q1, q5, r4\n\t")
#define FPU_EIGHT_FACTORS \
    "r4", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23"

/* Weights of four inputs times the gradients of one output of four pixels, or of two. */
#define WEIGHTS(q) "vldrw.u32 " q ", [%[w]]\n\tadd %[w], %[w], %[step]\n\t"
#define ONE_OF(dy, sum) "ldr r4, [%[" dy "]], #4\n\tvfma.f32 " sum ", q4, r4\n\t"
#define TWO_OF(dy, sum) "ldrd r4, r5, [%[" dy "]], #8\n\tvfma.f32 " sum ", q4, r4\n\tvfma.f32 " sum ", q5, r5\n\t"
#define ONE_OF_FOUR WEIGHTS("q4") ONE_OF("dy0", "q0") ONE_OF("dy1", "q1") ONE_OF("dy2", "q2") ONE_OF("dy3", "q3")
#define TWO_OF_FOUR \
    WEIGHTS("q4")   \
    WEIGHTS("q5") TWO_OF("dy0", "q0") TWO_OF("dy1", "q1") TWO_OF("dy2", "q2") TWO_OF("dy3", "q3")
#define FOUR_TEMPORARIES "r4", "r5", FPU_UPPER_HALF

#endif

#endif
