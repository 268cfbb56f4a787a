/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums in registers, in groups of eight or four: all of those that EACH_SUM names.
 */

/* Compilers would clear one, keep it in memory, and copy it from there. */
#ifdef __riscv
#define CLEAR_SUM(n) "vmv.v.i %[sum" #n "], 0\n\t"
#define CLEARED_SUM(n) , [sum##n] "=&vr"(sum##n)
#define CLEAR_SUMS                                                                                                     \
    {                                                                                                                  \
        uint32_t unused;                                                                                               \
        __asm__ volatile("vsetvli zero, %[vl], " GROUP(ASM_SUM_TYPE, ASM_SUM4_TYPE) ", ta, ma\n\t" EACH_SUM(CLEAR_SUM) \
                         : [unused] "=r"(unused)EACH_SUM(CLEARED_SUM)                                                  \
                         : [vl] "r"(vl)                                                                                \
                         : "vl", "vtype");                                                                             \
    }
#else
#define CLEAR_SUM(n) sum##n = SUM_ZEROS(vl);
#define CLEAR_SUMS EACH_SUM(CLEAR_SUM)
#endif

#define DECLARE_SUM(n) GROUP(SUM, SUM4) sum##n;
/* Adds them to float32 in memory, from `to` on, `apart` elements from one to the next. */
#define ADD_SUM(n) GROUP(rvv_add_sums, rvv_add_sums4)(to + n * apart, sum##n, vl);

/* Adds the products of `left` vectors, `step` bytes apart and found as `load` says, with scalars that are neighbours, from
 * s0, s1 ... on for each sum: by eights, four, and one by one. */
#ifdef __riscv
#define SCALAR_0(n) ASM_SCALAR " %[f" #n "], 0*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_1(n) ASM_SCALAR " %[f" #n "], 1*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_2(n) ASM_SCALAR " %[f" #n "], 2*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_3(n) ASM_SCALAR " %[f" #n "], 3*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_4(n) ASM_SCALAR " %[f" #n "], 4*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_5(n) ASM_SCALAR " %[f" #n "], 5*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_6(n) ASM_SCALAR " %[f" #n "], 6*" ASM_BYTES "(%[s" #n "])\n\t"
#define SCALAR_7(n) ASM_SCALAR " %[f" #n "], 7*" ASM_BYTES "(%[s" #n "])\n\t"
#define PRODUCT_OF(n) "vfmacc.vf %[sum" #n "], %[f" #n "], %[v]\n\t"
#define ON_1(n) "addi %[s" #n "], %[s" #n "], 1*" ASM_BYTES "\n\t"
#define ON_4(n) "addi %[s" #n "], %[s" #n "], 4*" ASM_BYTES "\n\t"
#define ON_8(n) "addi %[s" #n "], %[s" #n "], 8*" ASM_BYTES "\n\t"
#define ALONG_TERM(load, i) \
    load " %[v], (%[from])" ASM_LANE "\n\tadd %[from], %[from], %[step]\n\t" EACH_SUM(SCALAR_##i) EACH_SUM(PRODUCT_OF)
#define ALONG_FOUR(load, a, b, c, d) ALONG_TERM(load, a) ALONG_TERM(load, b) ALONG_TERM(load, c) ALONG_TERM(load, d)
#define ALONG_SUM(n) , [sum##n] "+vr"(sum##n), [f##n] "=&f"(f##n), [s##n] "+r"(s##n)
#define ALONG_FACTOR(n) float f##n;
#define ADD_ALONG(load)                                                                                        \
    {                                                                                                          \
        GROUP(SUM, SUM4) v;                                                                                    \
        EACH_SUM(ALONG_FACTOR)                                                                                 \
        __asm__ volatile(                                                                                      \
            "vsetvli zero, %[vl], " GROUP(                                                                     \
                ASM_SUM_TYPE,                                                                                  \
                ASM_SUM4_TYPE) ", ta, ma\n\t"                                                                  \
                               "addi %[left], %[left], -8\n\t"                                                 \
                               "bltz %[left], 2f\n"                                                            \
                               "1:\n\t" ALONG_FOUR(load, 0, 1, 2, 3) ALONG_FOUR(load, 4, 5, 6, 7)              \
                                   EACH_SUM(ON_8) "addi %[left], %[left], -8\n\t"                              \
                                                  "bgez %[left], 1b\n"                                         \
                                                  "2:\n\t"                                                     \
                                                  "addi %[left], %[left], 4\n\t"                               \
                                                  "bltz %[left], 3f\n\t" ALONG_FOUR(load, 0, 1, 2, 3)          \
                                                      EACH_SUM(ON_4) "addi %[left], %[left], -4\n"             \
                                                                     "3:\n\t"                                  \
                                                                     "addi %[left], %[left], 4\n\t"            \
                                                                     "beqz %[left], 5f\n"                      \
                                                                     "4:\n\t" ALONG_TERM(load, 0) EACH_SUM(    \
                                                                         ON_1) "addi %[left], %[left], -1\n\t" \
                                                                               "bnez %[left], 4b\n"            \
                                                                               "5:"                            \
            : [v] "=&vr"(v), [from] "+r"(from), [left] "+r"(left)EACH_SUM(ALONG_SUM)                           \
            : [vl] "r"(vl), [step] "r"(step), [lane] "r"(lane)                                                 \
            : "memory", "vl", "vtype");                                                                        \
    }
#else
#define ALONG_PRODUCT(n) sum##n = SUM_ADD_SCALED(sum##n, *s##n++, v, vl);
#define ADD_ALONG(load)                                                             \
    for (; left > 0; left--, from += step / sizeof *from) {                         \
        const SUM v = lane ? SUM_LOAD_STRIDED(from, lane, vl) : SUM_LOAD(from, vl); \
        EACH_SUM(ALONG_PRODUCT)                                                     \
    }
#endif
