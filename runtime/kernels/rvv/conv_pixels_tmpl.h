/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of three pixels and of one.  Included for each way in which weights lie, which defines PIXELS(name) and how
 * those of a term are loaded: LOAD_TERM(w, k, vl), ASM_LOAD_TERM for %[weights] from %[w], and STEP, elements from one term
 * to the next.
 */

#ifdef __riscv
/* All terms of a run, `left` of them. */
#define BY_FOURS                                                                                             \
    "vsetvli zero, %[vl], " ASM_TYPE ", ta, ma\n\t"                                                          \
    "addi %[left], %[left], -4\n\t"                                                                          \
    "bltz %[left], 2f\n"                                                                                     \
    "1:\n\t" TERM("0") TERM("1") TERM("2") TERM("3") ON("4") "bgez %[left], 1b\n"                            \
                                                             "2:\n\t"                                        \
                                                             "addi %[left], %[left], 4\n\t"                  \
                                                             "beqz %[left], 4f\n"                            \
                                                             "3:\n\t" TERM("0") ON("1") "bnez %[left], 3b\n" \
                                                                                        "4:"
#endif

static void PIXELS(three_pixels)(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w,
                                 const float *bias, size_t vl, uint32_t pixel, ELEMENT *out)
{
    const uint32_t lane = k->rows * k->taps * k->run; /* from one channel's weights to the next one's */
    const uint32_t step = STEP(vl);
    vfloat32m8_t a = rvv_zeros(vl);
    vfloat32m8_t b = a;
    vfloat32m8_t c = a;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const ELEMENT *x = tap_of(k, rows, r, t, pixel);
            const ELEMENT *y = x + k->pixel_stride;
            const ELEMENT *z = y + k->pixel_stride;
            uint32_t left = k->run;
#ifdef __riscv
            /* Compilers would move the sums to and fro: four times eight registers are all there are. */
            VECTOR weights;
            float fx, fy, fz;
#define TERM(i)                                                                                                      \
    ASM_LOAD_TERM "\n\t"                                                                                             \
                  "add %[w], %[w], %[step]\n\t" ASM_SCALAR " %[fx], " i "*" ASM_BYTES "(%[x])\n\t" ASM_SCALAR        \
                  " %[fy], " i "*" ASM_BYTES "(%[y])\n\t" ASM_SCALAR " %[fz], " i "*" ASM_BYTES "(%[z])\n\t" ASM_ADD \
                  " %[a], %[fx], %[weights]\n\t" ASM_ADD " %[b], %[fy], %[weights]\n\t" ASM_ADD                      \
                  " %[c], %[fz], %[weights]\n\t"
#define ON(terms)                                  \
    "addi %[x], %[x], " terms "*" ASM_BYTES "\n\t" \
    "addi %[y], %[y], " terms "*" ASM_BYTES "\n\t" \
    "addi %[z], %[z], " terms "*" ASM_BYTES "\n\t" \
    "addi %[left], %[left], -" terms "\n\t"
            __asm__ volatile(
                BY_FOURS
                : [a] "+vr"(a), [b] "+vr"(b), [c] "+vr"(c), [weights] "=&vr"(weights), [x] "+r"(x), [y] "+r"(y),
                  [z] "+r"(z), [w] "+r"(w), [left] "+r"(left), [fx] "=&f"(fx), [fy] "=&f"(fy), [fz] "=&f"(fz)
                : [vl] "r"(vl), [step] "r"(step * sizeof(ELEMENT)), [lane] "r"(lane * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#undef ON
#else
            for (; left > 0; left--, x++, y++, z++, w += step) {
                a = ADD_SCALED(a, *x, LOAD_TERM(w, lane, vl), vl);
                b = ADD_SCALED(b, *y, LOAD_TERM(w, lane, vl), vl);
                c = ADD_SCALED(c, *z, LOAD_TERM(w, lane, vl), vl);
            }
#endif
        }
    }
    STORE(out, rvv_finish(a, bias, k->act_min, k->act_max, vl), vl);
    STORE(out + k->out_stride, rvv_finish(b, bias, k->act_min, k->act_max, vl), vl);
    STORE(out + 2 * k->out_stride, rvv_finish(c, bias, k->act_min, k->act_max, vl), vl);
}

static void PIXELS(one_pixel)(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w, const float *bias,
                              size_t vl, uint32_t pixel, ELEMENT *out)
{
    const uint32_t lane = k->rows * k->taps * k->run; /* from one channel's weights to the next one's */
    const uint32_t step = STEP(vl);
    vfloat32m8_t a = rvv_zeros(vl);
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const ELEMENT *x = tap_of(k, rows, r, t, pixel);
            uint32_t left = k->run;
#ifdef __riscv
            VECTOR weights;
            float fx;
#define TERM(i)                                                                                            \
    ASM_LOAD_TERM "\n\t"                                                                                   \
                  "add %[w], %[w], %[step]\n\t" ASM_SCALAR " %[fx], " i "*" ASM_BYTES "(%[x])\n\t" ASM_ADD \
                  " %[a], %[fx], %[weights]\n\t"
#define ON(terms) "addi %[x], %[x], " terms "*" ASM_BYTES "\n\taddi %[left], %[left], -" terms "\n\t"
            __asm__ volatile(
                BY_FOURS
                : [a] "+vr"(a), [weights] "=&vr"(weights), [x] "+r"(x), [w] "+r"(w), [left] "+r"(left), [fx] "=&f"(fx)
                : [vl] "r"(vl), [step] "r"(step * sizeof(ELEMENT)), [lane] "r"(lane * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#undef ON
#else
            for (; left > 0; left--, x++, w += step) {
                a = ADD_SCALED(a, *x, LOAD_TERM(w, lane, vl), vl);
            }
#endif
        }
    }
    STORE(out, rvv_finish(a, bias, k->act_min, k->act_max, vl), vl);
}

#undef BY_FOURS
#undef PIXELS
#undef LOAD_TERM
#undef ASM_LOAD_TERM
#undef STEP
