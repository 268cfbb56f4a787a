/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of floats: up to 32 output channels in the lanes, of three pixels at a time, whose sums
 * are 24 of the 32 registers; the rest holds the weights of one term, and the inputs are scalars.
 */

int NEEDS(conv)(const groat_conv_float *k, groat_needs *needs)
{
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out * sizeof(ELEMENT);
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == RVV_FLOAT_LANES;
}

static inline const ELEMENT *tap_of(const groat_conv_float *k, const int8_t *const *rows, uint32_t r, uint32_t t,
                                    uint32_t pixel)
{
    return (const ELEMENT *)(const void *)rows[r] + pixel * k->pixel_stride + t * k->tap_stride;
}

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

static void three_pixels(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w, const float *bias,
                         size_t vl, uint32_t pixel, ELEMENT *out)
{
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
#define TERM(i)                                                                                                       \
    ASM_LOAD " %[weights], (%[w])\n\t"                                                                                \
             "add %[w], %[w], %[step]\n\t" ASM_SCALAR " %[fx], " i "*" ASM_BYTES "(%[x])\n\t" ASM_SCALAR " %[fy], " i \
             "*" ASM_BYTES "(%[y])\n\t" ASM_SCALAR " %[fz], " i "*" ASM_BYTES "(%[z])\n\t" ASM_ADD                    \
             " %[a], %[fx], %[weights]\n\t" ASM_ADD " %[b], %[fy], %[weights]\n\t" ASM_ADD                            \
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
                : [vl] "r"(vl), [step] "r"(vl * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#undef ON
#else
            for (; left > 0; left--, x++, y++, z++, w += vl) {
                a = ADD_SCALED(a, *x, LOAD(w, vl), vl);
                b = ADD_SCALED(b, *y, LOAD(w, vl), vl);
                c = ADD_SCALED(c, *z, LOAD(w, vl), vl);
            }
#endif
        }
    }
    STORE(out, rvv_finish(a, bias, k->act_min, k->act_max, vl), vl);
    STORE(out + k->out_stride, rvv_finish(b, bias, k->act_min, k->act_max, vl), vl);
    STORE(out + 2 * k->out_stride, rvv_finish(c, bias, k->act_min, k->act_max, vl), vl);
}

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w, const float *bias,
                      size_t vl, uint32_t pixel, ELEMENT *out)
{
    vfloat32m8_t a = rvv_zeros(vl);
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const ELEMENT *x = tap_of(k, rows, r, t, pixel);
            uint32_t left = k->run;
#ifdef __riscv
            VECTOR weights;
            float fx;
#define TERM(i)                                                                                       \
    ASM_LOAD " %[weights], (%[w])\n\t"                                                                \
             "add %[w], %[w], %[step]\n\t" ASM_SCALAR " %[fx], " i "*" ASM_BYTES "(%[x])\n\t" ASM_ADD \
             " %[a], %[fx], %[weights]\n\t"
#define ON(terms) "addi %[x], %[x], " terms "*" ASM_BYTES "\n\taddi %[left], %[left], -" terms "\n\t"
            __asm__ volatile(
                BY_FOURS
                : [a] "+vr"(a), [weights] "=&vr"(weights), [x] "+r"(x), [w] "+r"(w), [left] "+r"(left), [fx] "=&f"(fx)
                : [vl] "r"(vl), [step] "r"(vl * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#undef TERM
#undef ON
#else
            for (; left > 0; left--, x++, w += vl) {
                a = ADD_SCALED(a, *x, LOAD(w, vl), vl);
            }
#endif
        }
    }
    STORE(out, rvv_finish(a, bias, k->act_min, k->act_max, vl), vl);
}

void KERNEL(conv)(const groat_conv_float *k, const int8_t *const *rows, KERNEL_ELEMENT *outputs, uint32_t pixels)
{
    const uint32_t terms = k->rows * k->taps * k->run;
    const ELEMENT *w = k->weights;
    const float *bias = k->channels;
    ELEMENT *out = (ELEMENT *)(void *)outputs;
    for (uint32_t left = k->channels_out, vl; left > 0; left -= vl, w += vl * terms, bias += vl, out += vl) {
        vl = left < GROAT_RVV_FLOAT_LANES ? left : GROAT_RVV_FLOAT_LANES;
        uint32_t pixel = 0;
        for (; pixels - pixel >= 3; pixel += 3) {
            three_pixels(k, rows, w, bias, vl, pixel, out + pixel * k->out_stride);
        }
        for (; pixel < pixels; pixel++) {
            one_pixel(k, rows, w, bias, vl, pixel, out + pixel * k->out_stride);
        }
    }
}
