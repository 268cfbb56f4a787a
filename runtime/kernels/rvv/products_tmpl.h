/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products, added to arrays of float32: what gradients of convolutions are made of.  Three sums and the vector
 * that they share are all 32 registers; the other factors are scalars.
 */

/* Zeros; each call's in registers of its own: compilers would keep them in memory, to copy them from there. */
static inline SUM zeros(size_t vl)
{
#ifdef __riscv
    SUM sum;
    __asm__ volatile("vsetvli zero, %[vl], " ASM_SUM_TYPE ", ta, ma\n\tvmv.v.i %[sum], 0"
                     : [sum] "=vr"(sum)
                     : [vl] "r"(vl)
                     : "vl", "vtype");
    return sum;
#else
    return SUM_ZEROS(vl);
#endif
}

#ifdef __riscv
/* The loops over `left` terms, by fours and one by one, of what TERM(i) does and ON(terms) moves on. */
#define BY_FOURS                                                                                            \
    "vsetvli zero, %[vl], " ASM_SUM_TYPE ", ta, ma\n\t"                                                      \
    "addi %[left], %[left], -4\n\t"                                                                          \
    "bltz %[left], 2f\n"                                                                                     \
    "1:\n\t" TERM("0") TERM("1") TERM("2") TERM("3") ON("4") "bgez %[left], 1b\n"                            \
                                                             "2:\n\t"                                        \
                                                             "addi %[left], %[left], 4\n\t"                  \
                                                             "beqz %[left], 4f\n"                            \
                                                             "3:\n\t" TERM("0") ON("1") "bnez %[left], 3b\n" \
                                                                                        "4:"
#define VECTOR_OF_TERM ASM_LOAD " %[v], (%[from])\n\tadd %[from], %[from], %[step]\n\t"
#endif

/* ---- Terms side by side: to[p * to_step + lane] += sum over t of x[p * x_step + t] * w[t * w_step + lane] --- */

static void along_three(const ELEMENT *x, uint32_t x_step, const ELEMENT *w, uint32_t w_step, uint32_t terms, size_t vl,
                        float *to, uint32_t to_step)
{
    const ELEMENT *y = x + x_step;
    const ELEMENT *z = y + x_step;
    for (uint32_t n; terms > 0; terms -= n) {
        uint32_t left = n = at_most(terms, SUM_TERMS);
        SUM a = zeros(vl);
        SUM b = zeros(vl);
        SUM c = zeros(vl);
#ifdef __riscv
        SUM v;
        float fx, fy, fz;
#define TERM(i)                                                                                                    \
    VECTOR_OF_TERM ASM_SCALAR " %[fx], " i "*" ASM_BYTES "(%[x])\n\t" ASM_SCALAR " %[fy], " i "*" ASM_BYTES        \
                              "(%[y])\n\t" ASM_SCALAR " %[fz], " i "*" ASM_BYTES                                   \
                              "(%[z])\n\tvfmacc.vf %[a], %[fx], %[v]\n\tvfmacc.vf %[b], %[fy], %[v]\n\tvfmacc.vf " \
                              "%[c], %[fz], %[v]\n\t"
#define ON(terms)                                  \
    "addi %[x], %[x], " terms "*" ASM_BYTES "\n\t" \
    "addi %[y], %[y], " terms "*" ASM_BYTES "\n\t" \
    "addi %[z], %[z], " terms "*" ASM_BYTES "\n\t" \
    "addi %[left], %[left], -" terms "\n\t"
        __asm__ volatile(
            BY_FOURS
            : [a] "+vr"(a), [b] "+vr"(b), [c] "+vr"(c), [v] "=&vr"(v), [x] "+r"(x), [y] "+r"(y), [z] "+r"(z),
              [from] "+r"(w), [left] "+r"(left), [fx] "=&f"(fx), [fy] "=&f"(fy), [fz] "=&f"(fz)
            : [vl] "r"(vl), [step] "r"(w_step * sizeof(ELEMENT))
            : "memory", "vl", "vtype");
#undef TERM
#undef ON
#else
        for (; left > 0; left--, x++, y++, z++, w += w_step) {
            SUM v = SUM_LOAD(w, vl);
            a = SUM_ADD_SCALED(a, *x, v, vl);
            b = SUM_ADD_SCALED(b, *y, v, vl);
            c = SUM_ADD_SCALED(c, *z, v, vl);
        }
#endif
        rvv_add_sums(to, a, vl);
        rvv_add_sums(to + to_step, b, vl);
        rvv_add_sums(to + 2 * to_step, c, vl);
    }
}

static void along_one(const ELEMENT *x, const ELEMENT *w, uint32_t w_step, uint32_t terms, size_t vl, float *to)
{
    for (uint32_t n; terms > 0; terms -= n) {
        uint32_t left = n = at_most(terms, SUM_TERMS);
        SUM a = zeros(vl);
#ifdef __riscv
        SUM v;
        float fx;
#define TERM(i) VECTOR_OF_TERM ASM_SCALAR " %[fx], " i "*" ASM_BYTES "(%[x])\n\tvfmacc.vf %[a], %[fx], %[v]\n\t"
#define ON(terms) "addi %[x], %[x], " terms "*" ASM_BYTES "\n\taddi %[left], %[left], -" terms "\n\t"
        __asm__ volatile(BY_FOURS
                         : [a] "+vr"(a), [v] "=&vr"(v), [x] "+r"(x), [from] "+r"(w), [left] "+r"(left), [fx] "=&f"(fx)
                         : [vl] "r"(vl), [step] "r"(w_step * sizeof(ELEMENT))
                         : "memory", "vl", "vtype");
#undef TERM
#undef ON
#else
        for (; left > 0; left--, x++, w += w_step) {
            a = SUM_ADD_SCALED(a, *x, SUM_LOAD(w, vl), vl);
        }
#endif
        rvv_add_sums(to, a, vl);
    }
}

/* Of `outputs` sets of sums, with `lanes` in each. */
static void add_along(const ELEMENT *x, uint32_t x_step, uint32_t outputs, const ELEMENT *w, uint32_t w_step,
                      uint32_t terms, uint32_t lanes, float *to, uint32_t to_step)
{
    for (size_t vl; lanes > 0; lanes -= vl, w += vl, to += vl) {
        vl = SUM_VL(lanes);
        uint32_t p = 0;
        for (; outputs - p >= 3; p += 3) {
            along_three(x + p * x_step, x_step, w, w_step, terms, vl, to + p * to_step, to_step);
        }
        for (; p < outputs; p++) {
            along_one(x + p * x_step, w, w_step, terms, vl, to + p * to_step);
        }
    }
}

/* ---- Sums side by side: to[n * to_step + lane] += sum over terms of y[n] * x[lane] ------------------------- */

#define GROUP(of_8, of_4) of_8
#define ACROSS across_one
#define EACH_SUM(DO) DO(0)
#include "across_tmpl.h"
#define ACROSS across_two
#define EACH_SUM(DO) DO(0) DO(1)
#include "across_tmpl.h"
#define ACROSS across_three
#define EACH_SUM(DO) DO(0) DO(1) DO(2)
#include "across_tmpl.h"
#undef GROUP
#define GROUP(of_8, of_4) of_4
#define ACROSS across_six
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#include "across_tmpl.h"
#undef GROUP

/* Of `sums` sets of sums, with `lanes` in each. */
static void add_across(const terms *t, const ELEMENT *x, const ELEMENT *y, uint32_t sums, uint32_t lanes, float *to,
                       uint32_t to_step)
{
    for (size_t vl; lanes > 0; lanes -= vl, x += vl, to += vl) {
        vl = SUM_VL(lanes);
        for (uint32_t n = 0, left; n < sums;) {
            left = sums - n;
            float *of_sum = to + n * to_step;
            if (left >= 6 && vl <= SUM4_VLMAX) { /* half of the registers for each are enough */
                across_six(t, x, y + n, vl, of_sum, to_step);
                n += 6;
            } else if (left >= 3) {
                across_three(t, x, y + n, vl, of_sum, to_step);
                n += 3;
            } else if (left == 2) {
                across_two(t, x, y + n, vl, of_sum, to_step);
                n += 2;
            } else {
                across_one(t, x, y + n, vl, of_sum, to_step);
                n++;
            }
        }
    }
}
