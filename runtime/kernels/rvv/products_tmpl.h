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
#define EACH_TERM                                                                                            \
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
            EACH_TERM
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
        __asm__ volatile(EACH_TERM
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

/* ---- Sums side by side: to[o * to_step + lane] += sum over terms of dy[o] * x[lane] ------------------------ */

#define ON(terms) "addi %[left], %[left], -" terms "\n\t"

static void across_three(const terms *t, const ELEMENT *x_rows, const ELEMENT *dy_rows, size_t vl, float *to,
                         uint32_t to_step)
{
    SUM a = zeros(vl);
    SUM b = zeros(vl);
    SUM c = zeros(vl);
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < t->rows; r++, x_rows += t->x_row, dy_rows += t->dy_row) {
        const ELEMENT *x = x_rows;
        const ELEMENT *dy = dy_rows;
        for (uint32_t columns = t->columns, n; columns > 0; columns -= n) {
            uint32_t left = n = at_most(columns, SUM_TERMS);
            if (n > room) {
                rvv_add_sums(to, a, vl);
                rvv_add_sums(to + to_step, b, vl);
                rvv_add_sums(to + 2 * to_step, c, vl);
                a = zeros(vl);
                b = zeros(vl);
                c = zeros(vl);
                room = SUM_TERMS;
            }
            room -= n;
#ifdef __riscv
            SUM v;
            float fx, fy, fz;
#define TERM(i)                                                                                                        \
    VECTOR_OF_TERM ASM_SCALAR " %[fx], (%[dy])\n\t" ASM_SCALAR " %[fy], " ASM_BYTES "(%[dy])\n\t" ASM_SCALAR           \
                              " %[fz], 2*" ASM_BYTES "(%[dy])\n\tvfmacc.vf %[a], %[fx], %[v]\n\tvfmacc.vf %[b], %[fy]" \
                              ", %[v]\n\tvfmacc.vf %[c], %[fz], %[v]\n\tadd %[dy], %[dy], %[on]\n\t"
            __asm__ volatile(
                EACH_TERM
                : [a] "+vr"(a), [b] "+vr"(b), [c] "+vr"(c), [v] "=&vr"(v), [from] "+r"(x), [dy] "+r"(dy),
                  [left] "+r"(left), [fx] "=&f"(fx), [fy] "=&f"(fy), [fz] "=&f"(fz)
                : [vl] "r"(vl), [step] "r"(t->x_column * sizeof(ELEMENT)), [on] "r"(t->dy_column * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#else
            for (; left > 0; left--, x += t->x_column, dy += t->dy_column) {
                SUM v = SUM_LOAD(x, vl);
                a = SUM_ADD_SCALED(a, dy[0], v, vl);
                b = SUM_ADD_SCALED(b, dy[1], v, vl);
                c = SUM_ADD_SCALED(c, dy[2], v, vl);
            }
#endif
        }
    }
    rvv_add_sums(to, a, vl);
    rvv_add_sums(to + to_step, b, vl);
    rvv_add_sums(to + 2 * to_step, c, vl);
}

static void across_two(const terms *t, const ELEMENT *x_rows, const ELEMENT *dy_rows, size_t vl, float *to,
                       uint32_t to_step)
{
    SUM a = zeros(vl);
    SUM b = zeros(vl);
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < t->rows; r++, x_rows += t->x_row, dy_rows += t->dy_row) {
        const ELEMENT *x = x_rows;
        const ELEMENT *dy = dy_rows;
        for (uint32_t columns = t->columns, n; columns > 0; columns -= n) {
            uint32_t left = n = at_most(columns, SUM_TERMS);
            if (n > room) {
                rvv_add_sums(to, a, vl);
                rvv_add_sums(to + to_step, b, vl);
                a = zeros(vl);
                b = zeros(vl);
                room = SUM_TERMS;
            }
            room -= n;
#ifdef __riscv
            SUM v;
            float fx, fy;
#define TERM(i)                                                                                           \
    VECTOR_OF_TERM ASM_SCALAR " %[fx], (%[dy])\n\t" ASM_SCALAR " %[fy], " ASM_BYTES                       \
                              "(%[dy])\n\tvfmacc.vf %[a], %[fx], %[v]\n\tvfmacc.vf %[b], %[fy], %[v]\n\t" \
                              "add %[dy], %[dy], %[on]\n\t"
            __asm__ volatile(
                EACH_TERM
                : [a] "+vr"(a), [b] "+vr"(b), [v] "=&vr"(v), [from] "+r"(x), [dy] "+r"(dy), [left] "+r"(left),
                  [fx] "=&f"(fx), [fy] "=&f"(fy)
                : [vl] "r"(vl), [step] "r"(t->x_column * sizeof(ELEMENT)), [on] "r"(t->dy_column * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#else
            for (; left > 0; left--, x += t->x_column, dy += t->dy_column) {
                SUM v = SUM_LOAD(x, vl);
                a = SUM_ADD_SCALED(a, dy[0], v, vl);
                b = SUM_ADD_SCALED(b, dy[1], v, vl);
            }
#endif
        }
    }
    rvv_add_sums(to, a, vl);
    rvv_add_sums(to + to_step, b, vl);
}

static void across_one(const terms *t, const ELEMENT *x_rows, const ELEMENT *dy_rows, size_t vl, float *to)
{
    SUM a = zeros(vl);
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < t->rows; r++, x_rows += t->x_row, dy_rows += t->dy_row) {
        const ELEMENT *x = x_rows;
        const ELEMENT *dy = dy_rows;
        for (uint32_t columns = t->columns, n; columns > 0; columns -= n) {
            uint32_t left = n = at_most(columns, SUM_TERMS);
            if (n > room) {
                rvv_add_sums(to, a, vl);
                a = zeros(vl);
                room = SUM_TERMS;
            }
            room -= n;
#ifdef __riscv
            SUM v;
            float fx;
#define TERM(i) \
    VECTOR_OF_TERM ASM_SCALAR " %[fx], (%[dy])\n\tvfmacc.vf %[a], %[fx], %[v]\n\tadd %[dy], %[dy], %[on]\n\t"
            __asm__ volatile(
                EACH_TERM
                : [a] "+vr"(a), [v] "=&vr"(v), [from] "+r"(x), [dy] "+r"(dy), [left] "+r"(left), [fx] "=&f"(fx)
                : [vl] "r"(vl), [step] "r"(t->x_column * sizeof(ELEMENT)), [on] "r"(t->dy_column * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#else
            for (; left > 0; left--, x += t->x_column, dy += t->dy_column) {
                a = SUM_ADD_SCALED(a, *dy, SUM_LOAD(x, vl), vl);
            }
#endif
        }
    }
    rvv_add_sums(to, a, vl);
}

#undef ON

/* Of up to three sets of sums, with `lanes` in each. */
static void add_across(const terms *t, const ELEMENT *x, const ELEMENT *dy, uint32_t outputs, uint32_t lanes, float *to,
                       uint32_t to_step)
{
    for (size_t vl; lanes > 0; lanes -= vl, x += vl, to += vl) {
        vl = SUM_VL(lanes);
        if (outputs == 3) {
            across_three(t, x, dy, vl, to, to_step);
            continue;
        }
        if (outputs == 2) {
            across_two(t, x, dy, vl, to, to_step);
        } else {
            across_one(t, x, dy, vl, to);
        }
    }
}
