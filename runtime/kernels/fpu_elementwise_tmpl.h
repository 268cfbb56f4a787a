/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes element by element with floats and a floating-point unit: sums and products, and what training needs of
 * that.  Results are the portable kernels' to the bit.
 */
enum {
    EIGHT = 8
};

#if FPU_ASSEMBLY

#define EACH(operation)                                                                                          \
    operation ".f32 s0, s0, s16\n\t" operation ".f32 s1, s1, s17\n\t" operation ".f32 s2, s2, s18\n\t" operation \
              ".f32 s3, s3, s19\n\t" operation ".f32 s4, s4, s20\n\t" operation ".f32 s5, s5, s21\n\t" operation \
              ".f32 s6, s6, s22\n\t" operation ".f32 s7, s7, s23\n\t"
#define LOAD_BOTH                                                        \
    LOAD_EIGHT("a", "!", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7") \
    LOAD_EIGHT("b", "!", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23")
#define LIMIT_EIGHT(has, end, condition)                                                     \
    "cmp " has ", #0\n\tbeq.w 2f\n\t" FPU_LIMIT_FOUR("s0", "s1", "s2", "s3", end, condition) \
        FPU_LIMIT_FOUR("s4", "s5", "s6", "s7", end, condition) "2:\n\t"
#define LIMIT_BOTH LIMIT_EIGHT("%[has_low]", "%[low]", "mi") LIMIT_EIGHT("%[has_high]", "%[high]", "gt")
#define STORE_RESULT STORE_EIGHT("out", "!", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7")
/* Eight at a time, as long as there are eights. */
#define EIGHTS(operation)                                                                                        \
    __asm__ volatile(                                                                                            \
        "1:\n\t" LOAD_BOTH EACH(operation) LIMIT_BOTH STORE_RESULT "subs %[eights], %[eights], #1\n\tbne.w 1b"   \
        : [a] "+r"(a), [b] "+r"(b), [out] "+r"(out), [eights] "+r"(eights)                                       \
        : [low] "t"(ends.low), [high] "t"(ends.high), [has_low] "r"(ends.has_low), [has_high] "r"(ends.has_high) \
        : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", FPU_UPPER_HALF, "cc", "memory")

#endif

void KERNEL(add)(const groat_elementwise_float *k, const ELEMENT *a, uint32_t a_step, const ELEMENT *b, uint32_t b_step,
                 ELEMENT *out, uint32_t count)
{
#if FPU_ASSEMBLY
    uint32_t eights =
        a_step == 1 && b_step == 1 && LOADABLE((uintptr_t)a | (uintptr_t)b | (uintptr_t)out) ? count / EIGHT : 0;
    count -= eights * EIGHT;
    if (eights > 0) {
        const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
        EIGHTS("vadd");
    }
#endif
    for (; count > 0; count--, a += a_step, b += b_step) {
        *out++ = NARROW(groat_clamp_float(WIDE(*a) + WIDE(*b), k->act_min, k->act_max));
    }
}

void KERNEL(mul)(const groat_elementwise_float *k, const ELEMENT *a, uint32_t a_step, const ELEMENT *b, uint32_t b_step,
                 ELEMENT *out, uint32_t count)
{
#if FPU_ASSEMBLY
    uint32_t eights =
        a_step == 1 && b_step == 1 && LOADABLE((uintptr_t)a | (uintptr_t)b | (uintptr_t)out) ? count / EIGHT : 0;
    count -= eights * EIGHT;
    if (eights > 0) {
        const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
        EIGHTS("vmul");
    }
#endif
    for (; count > 0; count--, a += a_step, b += b_step) {
        *out++ = NARROW(groat_clamp_float(WIDE(*a) * WIDE(*b), k->act_min, k->act_max));
    }
}

/* A number times zero is zero, or no number: the sum of all such products says of all whether they are finite. */
void KERNEL(finite)(const ELEMENT *x, uint32_t count, uint32_t *finite)
{
    float sum = 0.0f;
#if FPU_ASSEMBLY
#define TIMES_ZERO(n) "vfma.f32 %[sum], s" #n ", %[zero]\n\t"
    uint32_t eights = LOADABLE((uintptr_t)x) ? count / EIGHT : 0;
    count -= eights * EIGHT;
    if (eights > 0) {
        __asm__ volatile("1:\n\t" LOAD_EIGHT("x", "!", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23")
                             TIMES_ZERO(16) TIMES_ZERO(17) TIMES_ZERO(18) TIMES_ZERO(19) TIMES_ZERO(20) TIMES_ZERO(21)
                                 TIMES_ZERO(22) TIMES_ZERO(23) "subs %[eights], %[eights], #1\n\t"
                                                               "bne 1b"
                         : [x] "+r"(x), [eights] "+r"(eights), [sum] "+t"(sum)
                         : [zero] "t"(0.0f)
                         : FPU_UPPER_HALF, "cc", "memory");
    }
#endif
    for (uint32_t i = 0; i < count; i++) {
        sum += WIDE(x[i]) * 0.0f;
    }
    *finite = sum == 0.0f;
}
