/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums in registers, in groups of eight or four: all of those that EACH_SUM names.
 */

/* Compilers would clear one, keep it in memory, and copy it from there. */
#ifdef __riscv
#define CLEAR_SUM(n) "vmv.v.i %[sum" #n "], 0\n\t"
#define CLEARED_SUM(n) , [sum##n] "=&vr"(sum##n)
#define CLEAR_SUMS                                                                                              \
    {                                                                                                           \
        uint32_t unused;                                                                                        \
        __asm__ volatile("vsetvli zero, %[vl], " GROUP(ASM_SUM_TYPE, ASM_SUM4_TYPE) ", ta, ma\n\t"              \
                         EACH_SUM(CLEAR_SUM)                                                                    \
                         : [unused] "=r"(unused) EACH_SUM(CLEARED_SUM)                                          \
                         : [vl] "r"(vl)                                                                         \
                         : "vl", "vtype");                                                                      \
    }
#else
#define CLEAR_SUM(n) sum##n = SUM_ZEROS(vl);
#define CLEAR_SUMS EACH_SUM(CLEAR_SUM)
#endif

/* Adds them to float32 in memory, from `to` on, `step` apart. */
#define DECLARE_SUM(n) GROUP(SUM, SUM4) sum##n;
#define ADD_SUM(n) GROUP(rvv_add_sums, rvv_add_sums4)(to + n * step, sum##n, vl);
