/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of floats share on cores with the DSP extension and a floating-point unit.  All of them sum in the
 * order of the portable ones, but with fused multiply-adds: each product and sum is rounded once.
 */
#ifndef GROAT_DSP_FLOAT_H
#define GROAT_DSP_FLOAT_H

#include "../fma.h"

/* Assembly where there is a core for it, the same in C elsewhere. */
#if defined(__ARM_FEATURE_FMA) && defined(__thumb2__)
#define DSP_FLOAT_ASSEMBLY 1
#else
#define DSP_FLOAT_ASSEMBLY 0
#endif

/* Orders of weights. */
enum {
    DSP_FLOAT_PLAIN = 0,    /* the reference's */
    DSP_FLOAT_FOURS = 1, /* four output channels side by side; a convolution's last four are filled up with zeros */
    DSP_FLOAT_DENSE = 2 /* of a depthwise convolution of one input channel: that of a convolution */
};

/* How sums become outputs: biases are added, and what is beyond a limit becomes the limit. */
typedef struct dsp_ends {
    float low;
    float high;
    int has_low; /* there is such a limit */
    int has_high;
} dsp_ends;

static inline dsp_ends dsp_ends_of(float low, float high)
{
    return (dsp_ends){low, high, low > -__builtin_inff(), high < __builtin_inff()};
}

#if DSP_FLOAT_ASSEMBLY

/* Sums in s0 to s15, which no C code touches between the statements that use them: pairs, since an assembly statement has
 * at most thirty operands. */
#define DSP_PAIR(n) register double d##n __asm__("d" #n)
#define DSP_FOUR_SUMS \
    DSP_PAIR(0);      \
    DSP_PAIR(1);
#define DSP_SIXTEEN_SUMS \
    DSP_FOUR_SUMS        \
    DSP_PAIR(2);         \
    DSP_PAIR(3);         \
    DSP_PAIR(4);         \
    DSP_PAIR(5);         \
    DSP_PAIR(6);         \
    DSP_PAIR(7);
#define DSP_ALL_FOUR(kind) kind(d0), kind(d1)
#define DSP_ALL_SIXTEEN(kind) kind(d0), kind(d1), kind(d2), kind(d3), kind(d4), kind(d5), kind(d6), kind(d7)

static const float dsp_zeros[16] = {0};
#define DSP_CLEAR_FOUR __asm__ volatile("vldmia.32 %2, {s0-s3}" : DSP_ALL_FOUR("=w") : "r"(dsp_zeros))
#define DSP_CLEAR_SIXTEEN __asm__ volatile("vldmia.32 %8, {s0-s15}" : DSP_ALL_SIXTEEN("=w") : "r"(dsp_zeros))

/* Four biases, in s16 to s19, are added to the sums of a pixel. */
#define DSP_ADD(a0, a1, a2, a3) \
    "vadd.f32 " a0 ", s16\n\tvadd.f32 " a1 ", s17\n\tvadd.f32 " a2 ", s18\n\tvadd.f32 " a3 ", s19\n\t"
/* Where a sum compares so with a limit, it becomes that.  What is not a number compares so with none. */
#define DSP_LIMIT(a, end, condition) \
    "vcmp.f32 " a ", " end "\n\tvmrs APSR_nzcv, fpscr\n\tit " condition "\n\tvmov" condition ".f32 " a ", " end "\n\t"
#define DSP_LIMIT_FOUR(a0, a1, a2, a3, end, condition) \
    DSP_LIMIT(a0, end, condition)                      \
    DSP_LIMIT(a1, end, condition) DSP_LIMIT(a2, end, condition) DSP_LIMIT(a3, end, condition)
#define DSP_LIMIT_SIXTEEN(end, condition)                    \
    DSP_LIMIT_FOUR("s0", "s1", "s2", "s3", end, condition)   \
    DSP_LIMIT_FOUR("s4", "s5", "s6", "s7", end, condition)   \
    DSP_LIMIT_FOUR("s8", "s9", "s10", "s11", end, condition) \
    DSP_LIMIT_FOUR("s12", "s13", "s14", "s15", end, condition)
#define DSP_FINISH(adds, lows, highs)                                                 \
    "vldmia.32 %[bias], {s16-s19}\n\t" adds "cmp %[has_low], #0\n\tbeq.w 1f\n\t" lows \
    "1:\n\tcmp %[has_high], #0\n\tbeq.w 2f\n\t" highs "2:"
#define DSP_ENDS(ends, biases)                                                                            \
    [bias] "r"(biases), [low] "t"((ends)->low), [high] "t"((ends)->high), [has_low] "r"((ends)->has_low), \
        [has_high] "r"((ends)->has_high)
#define DSP_FINISH_FOUR(ends, biases)                                                    \
    __asm__ volatile(DSP_FINISH(DSP_ADD("s0", "s1", "s2", "s3"),                         \
                                DSP_LIMIT_FOUR("s0", "s1", "s2", "s3", "%[low]", "mi"),  \
                                DSP_LIMIT_FOUR("s0", "s1", "s2", "s3", "%[high]", "gt")) \
                     : DSP_ALL_FOUR("+w")                                                \
                     : DSP_ENDS(ends, biases)                                            \
                     : "s16", "s17", "s18", "s19", "cc")
#define DSP_FINISH_SIXTEEN(ends, biases)                                                                   \
    __asm__ volatile(DSP_FINISH(DSP_ADD("s0", "s1", "s2", "s3") DSP_ADD("s4", "s5", "s6", "s7")            \
                                    DSP_ADD("s8", "s9", "s10", "s11") DSP_ADD("s12", "s13", "s14", "s15"), \
                                DSP_LIMIT_SIXTEEN("%[low]", "mi"), DSP_LIMIT_SIXTEEN("%[high]", "gt"))     \
                     : DSP_ALL_SIXTEEN("+w")                                                               \
                     : DSP_ENDS(ends, biases)                                                              \
                     : "s16", "s17", "s18", "s19", "cc")

#define DSP_STORE_FOUR(to) __asm__ volatile("vstmia.32 %2, {s0-s3}" : : DSP_ALL_FOUR("w"), "r"(to) : "memory")
#define DSP_STORE_SIXTEEN(to) __asm__ volatile("vstmia.32 %8, {s0-s15}" : : DSP_ALL_SIXTEEN("w"), "r"(to) : "memory")
/* Four channels of four pixels, `step` bytes apart; `to` moves on to the last. */
#define DSP_STORE_PIXELS(to, step)                                                 \
    __asm__ volatile("vstmia.32 %[at], {s0-s3}\n\tadd %[at], %[at], %[apart]\n\t"  \
                     "vstmia.32 %[at], {s4-s7}\n\tadd %[at], %[at], %[apart]\n\t"  \
                     "vstmia.32 %[at], {s8-s11}\n\tadd %[at], %[at], %[apart]\n\t" \
                     "vstmia.32 %[at], {s12-s15}"                                  \
                     : [at] "+r"(to)                                               \
                     : [apart] "r"(step), DSP_ALL_SIXTEEN("w")                     \
                     : "memory")

#define DSP_UPPER_HALF \
    "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31"

#endif

#endif
