/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of float32 share that use an Arm floating-point unit of 32 registers.  All of them sum in the order of
 * the portable ones, but with fused multiply-adds: each product and sum is rounded once.
 *
 * fpu_*_tmpl.h are kernels that more than one set has; each defines FPU(name) as its own name of one.
 */
#ifndef GROAT_FPU_H
#define GROAT_FPU_H

#include "fma.h"

/* Assembly where there is a core for it, the same in C elsewhere. */
#if defined(__ARM_FEATURE_FMA) && defined(__thumb2__)
#define FPU_ASSEMBLY 1
#else
#define FPU_ASSEMBLY 0
#endif

/* Orders of weights. */
enum {
    FPU_PLAIN = 0, /* the reference's, which weights that are trained have, too */
    FPU_FOURS = 1, /* four output channels side by side; a convolution's last four are filled up with zeros */
    FPU_DENSE = 2 /* of a depthwise convolution of one input channel: that of a convolution */
};

/* How sums become outputs: biases are added, and what is beyond a limit becomes the limit. */
typedef struct fpu_ends {
    float low;
    float high;
    int has_low; /* there is such a limit */
    int has_high;
} fpu_ends;

static inline fpu_ends fpu_ends_of(float low, float high)
{
    return (fpu_ends){low, high, low > -__builtin_inff(), high < __builtin_inff()};
}

/* Sixteen sums in C, four rows of four: row n adds products of xn with y0 to y3.  By name, since not all compilers keep
 * arrays in registers. */
#define FPU_ROWS                                                                                               \
    float a0 = 0.0f, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, c0 = a0, c1 = a0, c2 = a0, \
          c3 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0
#define FPU_ROW_ADDS(row, x)                  \
    {                                         \
        const float each = x;                 \
        row##0 = groat_fma(each, y0, row##0); \
        row##1 = groat_fma(each, y1, row##1); \
        row##2 = groat_fma(each, y2, row##2); \
        row##3 = groat_fma(each, y3, row##3); \
    }
#define FPU_ROWS_ADD(x0, x1, x2, x3) \
    FPU_ROW_ADDS(a, x0)              \
    FPU_ROW_ADDS(b, x1)              \
    FPU_ROW_ADDS(c, x2)              \
    FPU_ROW_ADDS(d, x3)
#define FPU_ALL_ROWS {a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3}

#if FPU_ASSEMBLY

/* Sums in s0 to s15, which no C code touches between the statements that use them: pairs, since an assembly statement has
 * at most thirty operands. */
#define FPU_PAIR(n) register double d##n __asm__("d" #n)
#define FPU_FOUR_SUMS \
    FPU_PAIR(0);      \
    FPU_PAIR(1);
#define FPU_EIGHT_SUMS \
    FPU_FOUR_SUMS      \
    FPU_PAIR(2);       \
    FPU_PAIR(3);
#define FPU_SIXTEEN_SUMS \
    FPU_EIGHT_SUMS       \
    FPU_PAIR(4);         \
    FPU_PAIR(5);         \
    FPU_PAIR(6);         \
    FPU_PAIR(7);
#define FPU_ALL_FOUR(kind) kind(d0), kind(d1)
#define FPU_ALL_EIGHT(kind) kind(d0), kind(d1), kind(d2), kind(d3)
#define FPU_ALL_SIXTEEN(kind) kind(d0), kind(d1), kind(d2), kind(d3), kind(d4), kind(d5), kind(d6), kind(d7)

static const float fpu_zeros[16] = {0};
#define FPU_CLEAR_FOUR __asm__ volatile("vldmia.32 %2, {s0-s3}" : FPU_ALL_FOUR("=w") : "r"(fpu_zeros))
#define FPU_CLEAR_EIGHT __asm__ volatile("vldmia.32 %4, {s0-s7}" : FPU_ALL_EIGHT("=w") : "r"(fpu_zeros))
#define FPU_CLEAR_SIXTEEN __asm__ volatile("vldmia.32 %8, {s0-s15}" : FPU_ALL_SIXTEEN("=w") : "r"(fpu_zeros))

/* Four biases, in s16 to s19, are added to the sums of a pixel. */
#define FPU_ADD(a0, a1, a2, a3) \
    "vadd.f32 " a0 ", s16\n\tvadd.f32 " a1 ", s17\n\tvadd.f32 " a2 ", s18\n\tvadd.f32 " a3 ", s19\n\t"
/* Where a sum compares so with a limit, it becomes that.  What is not a number compares so with none. */
#define FPU_LIMIT(a, end, condition) \
    "vcmp.f32 " a ", " end "\n\tvmrs APSR_nzcv, fpscr\n\tit " condition "\n\tvmov" condition ".f32 " a ", " end "\n\t"
#define FPU_LIMIT_FOUR(a0, a1, a2, a3, end, condition) \
    FPU_LIMIT(a0, end, condition)                      \
    FPU_LIMIT(a1, end, condition) FPU_LIMIT(a2, end, condition) FPU_LIMIT(a3, end, condition)
#define FPU_LIMIT_SIXTEEN(end, condition)                    \
    FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", end, condition)   \
    FPU_LIMIT_FOUR("s4", "s5", "s6", "s7", end, condition)   \
    FPU_LIMIT_FOUR("s8", "s9", "s10", "s11", end, condition) \
    FPU_LIMIT_FOUR("s12", "s13", "s14", "s15", end, condition)
#define FPU_FINISH(adds, lows, highs)                                                 \
    "vldmia.32 %[bias], {s16-s19}\n\t" adds "cmp %[has_low], #0\n\tbeq.w 1f\n\t" lows \
    "1:\n\tcmp %[has_high], #0\n\tbeq.w 2f\n\t" highs "2:"
#define FPU_ENDS(ends, biases)                                                                            \
    [bias] "r"(biases), [low] "t"((ends)->low), [high] "t"((ends)->high), [has_low] "r"((ends)->has_low), \
        [has_high] "r"((ends)->has_high)
#define FPU_FINISH_FOUR(ends, biases)                                                    \
    __asm__ volatile(FPU_FINISH(FPU_ADD("s0", "s1", "s2", "s3"),                         \
                                FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", "%[low]", "mi"),  \
                                FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", "%[high]", "gt")) \
                     : FPU_ALL_FOUR("+w")                                                \
                     : FPU_ENDS(ends, biases)                                            \
                     : "s16", "s17", "s18", "s19", "cc")
#define FPU_FINISH_SIXTEEN(ends, biases)                                                                   \
    __asm__ volatile(FPU_FINISH(FPU_ADD("s0", "s1", "s2", "s3") FPU_ADD("s4", "s5", "s6", "s7")            \
                                    FPU_ADD("s8", "s9", "s10", "s11") FPU_ADD("s12", "s13", "s14", "s15"), \
                                FPU_LIMIT_SIXTEEN("%[low]", "mi"), FPU_LIMIT_SIXTEEN("%[high]", "gt"))     \
                     : FPU_ALL_SIXTEEN("+w")                                                               \
                     : FPU_ENDS(ends, biases)                                                              \
                     : "s16", "s17", "s18", "s19", "cc")

/* Products of a number, in a register, with four others: for one sum of each of four rows. */
#define FPU_FOUR_ROWS(w, a0, a1, a2, a3, x0, x1, x2, x3)                                              \
    "vfma.f32 " a0 ", " x0 ", " w "\n\tvfma.f32 " a1 ", " x1 ", " w "\n\tvfma.f32 " a2 ", " x2 ", " w \
    "\n\tvfma.f32 " a3 ", " x3 ", " w "\n\t"

/* One product for each of sixteen sums, four rows of four: row n, in s(4n) and behind, is that of xn, column m of wm. */
#define FPU_PRODUCT(w0, w1, w2, w3, x0, x1, x2, x3)             \
    FPU_FOUR_ROWS(w0, "s0", "s4", "s8", "s12", x0, x1, x2, x3)  \
    FPU_FOUR_ROWS(w1, "s1", "s5", "s9", "s13", x0, x1, x2, x3)  \
    FPU_FOUR_ROWS(w2, "s2", "s6", "s10", "s14", x0, x1, x2, x3) \
    FPU_FOUR_ROWS(w3, "s3", "s7", "s11", "s15", x0, x1, x2, x3)

/* Products of s8 to s15 with s16 to s23, for as many sums. */
#define FPU_EIGHT_PRODUCTS                                                                               \
    "vfma.f32 s0, s8, s16\n\tvfma.f32 s1, s9, s17\n\tvfma.f32 s2, s10, s18\n\tvfma.f32 s3, s11, s19\n\t" \
    "vfma.f32 s4, s12, s20\n\tvfma.f32 s5, s13, s21\n\tvfma.f32 s6, s14, s22\n\tvfma.f32 s7, s15, s23\n\t"
/* Products of s8 with s16 to s23. */
#define FPU_EIGHT_BY_ONE                                                                               \
    "vfma.f32 s0, s8, s16\n\tvfma.f32 s1, s8, s17\n\tvfma.f32 s2, s8, s18\n\tvfma.f32 s3, s8, s19\n\t" \
    "vfma.f32 s4, s8, s20\n\tvfma.f32 s5, s8, s21\n\tvfma.f32 s6, s8, s22\n\tvfma.f32 s7, s8, s23\n\t"
#define FPU_EIGHT_FACTORS \
    "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23"

/* Biases added to eight sums of a pixel, and limits. */
#define FPU_FINISH_EIGHT(ends, biases)                                                                               \
    __asm__ volatile(                                                                                                \
        FPU_FINISH(FPU_ADD("s0", "s1", "s2", "s3") "vldr.64 d8, [%[bias], #16]\n\t"                                  \
                                                   "vldr.64 d9, [%[bias], #24]\n\t" FPU_ADD("s4", "s5", "s6", "s7"), \
                   FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", "%[low]", "mi")                                            \
                       FPU_LIMIT_FOUR("s4", "s5", "s6", "s7", "%[low]", "mi"),                                       \
                   FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", "%[high]", "gt")                                           \
                       FPU_LIMIT_FOUR("s4", "s5", "s6", "s7", "%[high]", "gt"))                                      \
        : FPU_ALL_EIGHT("+w")                                                                                        \
        : FPU_ENDS(ends, biases)                                                                                     \
        : "s16", "s17", "s18", "s19", "cc")

#define FPU_STORE_FOUR(to) __asm__ volatile("vstmia.32 %2, {s0-s3}" : : FPU_ALL_FOUR("w"), "r"(to) : "memory")
#define FPU_STORE_EIGHT(to) __asm__ volatile("vstmia.32 %4, {s0-s7}" : : FPU_ALL_EIGHT("w"), "r"(to) : "memory")
#define FPU_STORE_SIXTEEN(to) __asm__ volatile("vstmia.32 %8, {s0-s15}" : : FPU_ALL_SIXTEEN("w"), "r"(to) : "memory")
/* Four channels of four pixels, `step` bytes apart; `to` moves on to the last. */
#define FPU_STORE_PIXELS(to, step)                                                 \
    __asm__ volatile("vstmia.32 %[at], {s0-s3}\n\tadd %[at], %[at], %[apart]\n\t"  \
                     "vstmia.32 %[at], {s4-s7}\n\tadd %[at], %[at], %[apart]\n\t"  \
                     "vstmia.32 %[at], {s8-s11}\n\tadd %[at], %[at], %[apart]\n\t" \
                     "vstmia.32 %[at], {s12-s15}"                                  \
                     : [at] "+r"(to)                                               \
                     : [apart] "r"(step), FPU_ALL_SIXTEEN("w")                     \
                     : "memory")

#define FPU_UPPER_HALF \
    "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31"

#endif

#endif
