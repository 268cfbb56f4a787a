/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes element by element with float32 and a floating-point unit: sums and products, and what training needs of
 * that.  Results are the portable kernels' to the bit.
 */
#include "fpu.h"

enum {
    EIGHT = 8
};

#if FPU_ASSEMBLY

#define EACH(operation)                                                                                          \
    operation ".f32 s0, s0, s16\n\t" operation ".f32 s1, s1, s17\n\t" operation ".f32 s2, s2, s18\n\t" operation \
              ".f32 s3, s3, s19\n\t" operation ".f32 s4, s4, s20\n\t" operation ".f32 s5, s5, s21\n\t" operation \
              ".f32 s6, s6, s22\n\t" operation ".f32 s7, s7, s23\n\t"
#define LIMIT_EIGHT(end, condition)                        \
    FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", end, condition) \
    FPU_LIMIT_FOUR("s4", "s5", "s6", "s7", end, condition)
/* Eight at a time, as long as there are eights. */
#define EIGHTS(operation)                                                                                        \
    __asm__ volatile(                                                                                            \
        "1:\n\t"                                                                                                 \
        "vldmia.32 %[a]!, {s0-s7}\n\t"                                                                           \
        "vldmia.32 %[b]!, {s16-s23}\n\t" EACH(                                                                   \
            operation) "cmp %[has_low], #0\n\t"                                                                  \
                       "beq.w 2f\n\t" LIMIT_EIGHT("%[low]", "mi") "2:\n\t"                                       \
                                                                  "cmp %[has_high], #0\n\t"                      \
                                                                  "beq.w 3f\n\t" LIMIT_EIGHT(                    \
                                                                      "%[high]",                                 \
                                                                      "gt") "3:\n\t"                             \
                                                                            "vstmia.32 %[out]!, {s0-s7}\n\t"     \
                                                                            "subs %[eights], %[eights], #1\n\t"  \
                                                                            "bne.w 1b"                           \
        : [a] "+r"(a), [b] "+r"(b), [out] "+r"(out), [eights] "+r"(eights)                                       \
        : [low] "t"(ends.low), [high] "t"(ends.high), [has_low] "r"(ends.has_low), [has_high] "r"(ends.has_high) \
        : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", FPU_UPPER_HALF, "cc", "memory")

#endif

void FPU(add_f32)(const groat_elementwise_float *k, const float *a, uint32_t a_step, const float *b, uint32_t b_step,
                  float *out, uint32_t count)
{
#if FPU_ASSEMBLY
    uint32_t eights = a_step == 1 && b_step == 1 ? count / EIGHT : 0;
    count -= eights * EIGHT;
    if (eights > 0) {
        const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
        EIGHTS("vadd");
    }
#endif
    for (; count > 0; count--, a += a_step, b += b_step) {
        *out++ = groat_clamp_float(*a + *b, k->act_min, k->act_max);
    }
}

void FPU(mul_f32)(const groat_elementwise_float *k, const float *a, uint32_t a_step, const float *b, uint32_t b_step,
                  float *out, uint32_t count)
{
#if FPU_ASSEMBLY
    uint32_t eights = a_step == 1 && b_step == 1 ? count / EIGHT : 0;
    count -= eights * EIGHT;
    if (eights > 0) {
        const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
        EIGHTS("vmul");
    }
#endif
    for (; count > 0; count--, a += a_step, b += b_step) {
        *out++ = groat_clamp_float(*a * *b, k->act_min, k->act_max);
    }
}

/* A number times zero is zero, or no number: the sum of all such products says of all whether they are finite. */
void FPU(finite_f32)(const float *x, uint32_t count, uint32_t *finite)
{
    float sum = 0.0f;
#if FPU_ASSEMBLY
#define TIMES_ZERO(n) "vfma.f32 %[sum], s" #n ", %[zero]\n\t"
    uint32_t eights = count / EIGHT;
    count -= eights * EIGHT;
    if (eights > 0) {
        __asm__ volatile("1:\n\t"
                         "vldmia.32 %[x]!, {s16-s23}\n\t" TIMES_ZERO(16) TIMES_ZERO(17) TIMES_ZERO(18) TIMES_ZERO(19)
                             TIMES_ZERO(20) TIMES_ZERO(21) TIMES_ZERO(22)
                                 TIMES_ZERO(23) "subs %[eights], %[eights], #1\n\t"
                                                "bne 1b"
                         : [x] "+r"(x), [eights] "+r"(eights), [sum] "+t"(sum)
                         : [zero] "t"(0.0f)
                         : FPU_UPPER_HALF, "cc", "memory");
    }
#endif
    for (uint32_t i = 0; i < count; i++) {
        sum += x[i] * 0.0f;
    }
    *finite = sum == 0.0f;
}

/* dy where the rectifier lets it pass: as bits, positive numbers are as great as they are, and what is negative, or no
 * number, is greater than any.  So one comparison says whether y is above zero and below the limit. */
static void rectifier_grad(uint32_t limit, const float *dy, const float *y, float *dx, uint32_t count)
{
#if FPU_ASSEMBLY
#define PASS_TWO                       \
    "ldrd %[a], %[b], [%[y]], #8\n\t"  \
    "ldrd %[c], %[d], [%[dy]], #8\n\t" \
    "subs %[a], %[a], #1\n\t"          \
    "cmp %[a], %[most]\n\t"            \
    "sbc %[a], %[a], %[a]\n\t"         \
    "ands %[c], %[c], %[a]\n\t"        \
    "subs %[b], %[b], #1\n\t"          \
    "cmp %[b], %[most]\n\t"            \
    "sbc %[b], %[b], %[b]\n\t"         \
    "ands %[d], %[d], %[b]\n\t"        \
    "strd %[c], %[d], [%[dx]], #8\n\t"
    uint32_t fours = count / 4, a, b, c, d;
    count -= fours * 4;
    if (fours > 0) {
        __asm__ volatile("1:\n\t" PASS_TWO PASS_TWO "subs %[fours], %[fours], #1\n\t"
                         "bne 1b"
                         : [y] "+r"(y), [dy] "+r"(dy), [dx] "+r"(dx), [fours] "+r"(fours), [a] "=&r"(a), [b] "=&r"(b),
                           [c] "=&r"(c), [d] "=&r"(d)
                         : [most] "r"(limit - 1)
                         : "cc", "memory");
    }
#endif
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = groat_bits_of(y[i]) - 1 < limit - 1 ? dy[i] : 0.0f;
    }
}

void FPU(clamp_grad_f32)(const groat_elementwise_float *k, const float *dy, const float *y, float *dx, uint32_t count)
{
    if (k->act_min == 0.0f && k->act_max > 0.0f) {
        rectifier_grad(groat_bits_of(k->act_max), dy, y, dx, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = k->act_min < y[i] && y[i] < k->act_max ? dy[i] : 0.0f;
    }
}
