/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of a vector and scalars, term after term: in chunks of float16, each of which is then added to sums of float32.
 * Included for each number of sums, which defines EACH_SUM(DO), a list of them, CHUNKS, the function's name, and ASM_LOAD_TERM,
 * how %[v] is loaded from %[from]; GROUP chooses between registers in groups of eight and of four.
 */

static void CHUNKS(const factors *f, uint32_t first, size_t vl, float *to)
{
    const groat_conv_float *k = f->k;
    const rvv_half *w = f->w + (f->by_pixels ? first * f->apart : 0);
    const uint32_t pixel = f->pixel + (f->by_pixels ? 0 : first);
    EACH_SUM(DECLARE_SUM)
    CLEAR_SUMS
    const size_t step = vl;
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const rvv_half *x = tap_of(k, f->rows, r, t, pixel);
            const rvv_half *from = f->by_pixels ? x : w;
            const rvv_half *of0 = f->by_pixels ? w : x;
            for (uint32_t terms = k->run, some; terms > 0; terms -= some) {
                if (room == 0) {
                    EACH_SUM(ADD_SUM)
                    CLEAR_SUMS
                    room = SUM_TERMS;
                }
                uint32_t left = some = at_most(terms, room);
                room -= some;
#ifdef __riscv
                /* Compilers would move the sums to and fro: with their vector they are all registers that there are. */
                GROUP(vfloat16m8_t, SUM4) v;
#define DO(n)                                  \
    float f##n;                                \
    const rvv_half *s##n = of0 + n * f->apart;
                EACH_SUM(DO)
#undef DO
#define SCALAR_0(n) "flh %[f" #n "], 0(%[s" #n "])\n\t"
#define SCALAR_1(n) "flh %[f" #n "], 2(%[s" #n "])\n\t"
#define SCALAR_2(n) "flh %[f" #n "], 4(%[s" #n "])\n\t"
#define SCALAR_3(n) "flh %[f" #n "], 6(%[s" #n "])\n\t"
#define PRODUCT(n) "vfmacc.vf %[sum" #n "], %[f" #n "], %[v]\n\t"
#define ON_1(n) "addi %[s" #n "], %[s" #n "], 2\n\t"
#define ON_4(n) "addi %[s" #n "], %[s" #n "], 8\n\t"
#define TERM(i) ASM_LOAD_TERM "\n\tadd %[from], %[from], %[step]\n\t" EACH_SUM(SCALAR_##i) EACH_SUM(PRODUCT)
#define OUTPUTS(n) , [sum##n] "+vr"(sum##n), [f##n] "=&f"(f##n), [s##n] "+r"(s##n)
                __asm__ volatile("vsetvli zero, %[vl], " GROUP("e16, m8", "e16, m4") ", ta, ma\n\t"
                                 "addi %[left], %[left], -4\n\t"
                                 "bltz %[left], 2f\n"
                                 "1:\n\t" TERM(0) TERM(1) TERM(2) TERM(3) EACH_SUM(ON_4)
                                 "addi %[left], %[left], -4\n\t"
                                 "bgez %[left], 1b\n"
                                 "2:\n\t"
                                 "addi %[left], %[left], 4\n\t"
                                 "beqz %[left], 4f\n"
                                 "3:\n\t" TERM(0) EACH_SUM(ON_1)
                                 "addi %[left], %[left], -1\n\t"
                                 "bnez %[left], 3b\n"
                                 "4:"
                                 : [v] "=&vr"(v), [from] "+r"(from), [left] "+r"(left) EACH_SUM(OUTPUTS)
                                 : [vl] "r"(vl), [lane] "r"(f->lane), [step] "r"(f->step)
                                 : "memory", "vl", "vtype");
#undef SCALAR_0
#undef SCALAR_1
#undef SCALAR_2
#undef SCALAR_3
#undef PRODUCT
#undef ON_1
#undef ON_4
#undef TERM
#undef OUTPUTS
                of0 = s0;
#else
                for (; left > 0; left--, from += f->step / sizeof *from, of0++) {
                    const vfloat16m8_t v = __riscv_vlse16_v_f16m8(from, (ptrdiff_t)f->lane, vl);
#define DO(n) sum##n = SUM_ADD_SCALED(sum##n, of0[n * f->apart], v, vl);
                    EACH_SUM(DO)
#undef DO
                }
#endif
            }
            w = f->by_pixels ? of0 : from;
        }
    }
    EACH_SUM(ADD_SUM)
}

#undef CHUNKS
#undef EACH_SUM
