/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products of a vector and scalars that are neighbours.  Included for each number of sums, which defines ACROSS, the
 * function's name, and EACH_SUM(DO), a list of them; GROUP chooses between registers in groups of eight and of four.
 */

static void ACROSS(const terms *t, const ELEMENT *x_rows, const ELEMENT *y_rows, size_t vl, float *to, uint32_t apart)
{
    EACH_SUM(DECLARE_SUM)
    CLEAR_SUMS
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < t->rows; r++, x_rows += t->x_row, y_rows += t->y_row) {
        const ELEMENT *x = x_rows;
        const ELEMENT *y = y_rows;
        for (uint32_t columns = t->columns, some; columns > 0; columns -= some) {
            uint32_t left = some = at_most(columns, SUM_TERMS);
            if (some > room) {
                EACH_SUM(ADD_SUM)
                CLEAR_SUMS
                room = SUM_TERMS;
            }
            room -= some;
#ifdef __riscv
            GROUP(SUM, SUM4) v;
#define DO(n) float f##n;
            EACH_SUM(DO)
#undef DO
#define SCALAR(n) ASM_SCALAR " %[f" #n "], " #n "*" ASM_BYTES "(%[y])\n\t"
#define PRODUCT(n) "vfmacc.vf %[sum" #n "], %[f" #n "], %[v]\n\t"
#define TERM                                                                 \
    ASM_LOAD " %[v], (%[x])\n\tadd %[x], %[x], %[x_on]\n\t" EACH_SUM(SCALAR) \
        EACH_SUM(PRODUCT) "add %[y], %[y], %[y_on]\n\t"
#define OUTPUTS(n) , [sum##n] "+vr"(sum##n), [f##n] "=&f"(f##n)
            __asm__ volatile(
                "vsetvli zero, %[vl], " GROUP(ASM_SUM_TYPE, ASM_SUM4_TYPE) ", ta, ma\n\t" EACH_TERM(TERM)
                : [v] "=&vr"(v), [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)EACH_SUM(OUTPUTS)
                : [vl] "r"(vl), [x_on] "r"(t->x_column * sizeof(ELEMENT)), [y_on] "r"(t->y_column * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef SCALAR
#undef PRODUCT
#undef TERM
#undef OUTPUTS
#else
            for (; left > 0; left--, x += t->x_column, y += t->y_column) {
                const SUM v = SUM_LOAD(x, vl);
#define DO(n) sum##n = SUM_ADD_SCALED(sum##n, y[n], v, vl);
                EACH_SUM(DO)
#undef DO
            }
#endif
        }
    }
    EACH_SUM(ADD_SUM)
}

#undef ACROSS
#undef EACH_SUM
