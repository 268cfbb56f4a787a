/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of a convolution's weights, with a floating-point unit: of four outputs by four inputs under one
 * tap, summed over all pixels that the tap meets.  The sixteen sums stay in registers; padding is left out, not
 * multiplied.
 */
#include "fpu_grad_tmpl.h"

enum {
    FOUR = 4,
    EIGHT = 8
};

/* Weights of `outputs` by `inputs` under a tap: any numbers of them, one by one. */
static void few(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy, uint32_t outputs, uint32_t inputs,
                ELEMENT *dw, uint32_t dw_step, float alpha, float beta)
{
    for (uint32_t o = 0; o < outputs; o++) {
        for (uint32_t i = 0; i < inputs; i++) {
            float sum = 0.0f;
            for (uint32_t r = 0; r < p->rows; r++) {
                const ELEMENT *xs = x + r * p->x_row + i;
                const ELEMENT *dys = dy + r * p->dy_row + o;
                for (uint32_t c = 0; c < p->columns; c++, xs += p->x_step, dys += p->dy_step) {
                    sum = groat_fma(WIDE(*xs), WIDE(*dys), sum);
                }
            }
            fpu_update(dw + o * dw_step + i, sum, alpha, beta);
        }
    }
}

/* One factor of the products: floats from a pixel to the next, from a row to the next. */
typedef struct side {
    const ELEMENT *at;
    uint32_t step;
    uint32_t row;
} side;

#if FPU_ASSEMBLY

/* Adds the products of a pixel: rows of sums are outputs, columns inputs.  Sets with vectors have their own. */
#ifndef PIXEL
#define PIXEL                                       \
    LOAD_FOUR("dy", "", "s16", "s17", "s18", "s19") \
    LOAD_FOUR("x", "", "s20", "s21", "s22", "s23")  \
    "add %[dy], %[dy], %[dy_step]\n\t"              \
    "add %[x], %[x], %[x_step]\n\t" FPU_PRODUCT("s20", "s21", "s22", "s23", "s16", "s17", "s18", "s19")
#define PIXEL_TEMPORARIES FPU_UPPER_HALF
#endif

/* A row of sums and the numbers that they update. */
#define UPDATE(a0, a1, a2, a3)                                                                           \
    LOAD_FOUR("from", "", "s16", "s17", "s18", "s19")                                                    \
    "vmul.f32 s16, s16, %[beta]\n\tvmul.f32 s17, s17, %[beta]\n\tvmul.f32 s18, s18, %[beta]\n\t"         \
    "vmul.f32 s19, s19, %[beta]\n\tvfma.f32 s16, " a0 ", %[alpha]\n\tvfma.f32 s17, " a1 ", %[alpha]\n\t" \
    "vfma.f32 s18, " a2 ", %[alpha]\n\tvfma.f32 s19, " a3                                                \
    ", %[alpha]\n\t" STORE_FOUR("to", "", "s16", "s17", "s18", "s19")
#define NEXT "add %[from], %[from], %[from_step]\n\tadd %[to], %[to], %[step]\n\t"

/* Weights of four outputs by four inputs, of which the first few may be left out. */
static void sixteen(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy, uint32_t known_outputs,
                    uint32_t known_inputs, ELEMENT *dw, uint32_t dw_step, float alpha, float beta)
{
    FPU_SIXTEEN_SUMS
    const uint32_t x_step = p->x_step * (uint32_t)sizeof(ELEMENT);
    const uint32_t dy_step = p->dy_step * (uint32_t)sizeof(ELEMENT);
    FPU_CLEAR_SIXTEEN;
    for (uint32_t rows = p->rows; rows > 0; rows--, x += p->x_row, dy += p->dy_row) {
        const ELEMENT *xs = x, *dys = dy;
        uint32_t count = p->columns;
        __asm__ volatile("lsrs %[count], %[count], #1\n\t" /* carry: an odd one */
                         "bcc.w 1f\n\t" PIXEL "1:\n\t"
                         "cmp %[count], #0\n\t"
                         "beq.w 3f\n"
                         "2:\n\t" PIXEL PIXEL "subs %[count], %[count], #1\n\t"
                         "bne.w 2b\n"
                         "3:"
                         : [x] "+r"(xs), [dy] "+r"(dys), [count] "+r"(count), FPU_ALL_SIXTEEN("+w")
                         : [x_step] "r"(x_step), [dy_step] "r"(dy_step)
                         : PIXEL_TEMPORARIES, "cc", "memory");
    }
    if (known_outputs + known_inputs == 0) {
        const ELEMENT *from = beta == 0.0f ? (const ELEMENT *)(const void *)fpu_zeros : dw;
        const uint32_t step = dw_step * (uint32_t)sizeof(ELEMENT);
        const uint32_t from_step = beta == 0.0f ? 0 : step;
        __asm__ volatile(UPDATE("s0", "s1", "s2", "s3") NEXT UPDATE("s4", "s5", "s6", "s7")
                             NEXT UPDATE("s8", "s9", "s10", "s11") NEXT UPDATE("s12", "s13", "s14", "s15")
                         : [from] "+r"(from), [to] "+r"(dw)
                         : [step] "r"(step), [from_step] "r"(from_step), [alpha] "t"(alpha), [beta] "t"(beta),
                           FPU_ALL_SIXTEEN("w")
                         : "s16", "s17", "s18", "s19", "memory");
        return;
    }
    float sums[FOUR * FOUR];
    FPU_STORE_SIXTEEN(sums);
    for (uint32_t o = known_outputs; o < FOUR; o++) {
        for (uint32_t i = known_inputs; i < FOUR; i++) {
            fpu_update(dw + o * dw_step + i, sums[o * FOUR + i], alpha, beta);
        }
    }
}

#ifndef FOUR_BY_THREE
#define FOUR_BY(b, a0, a1, a2, a3)                                                                              \
    "vfma.f32 " a0 ", s16, " b "\n\tvfma.f32 " a1 ", s17, " b "\n\tvfma.f32 " a2 ", s18, " b "\n\tvfma.f32 " a3 \
    ", s19, " b "\n\t"
#define BY_ONE FOUR_BY("s24", "s0", "s1", "s2", "s3")
#define EIGHT_BY_ONE \
    BY_ONE "vfma.f32 s4, s20, s24\n\tvfma.f32 s5, s21, s24\n\tvfma.f32 s6, s22, s24\n\tvfma.f32 s7, s23, s24\n\t"
#define FOUR_BY_TWO BY_ONE FOUR_BY("s25", "s4", "s5", "s6", "s7")
#define FOUR_BY_THREE FOUR_BY_TWO FOUR_BY("s26", "s8", "s9", "s10", "s11")
#endif
#define BY_FEW(load_a, load_b, products)                                                                          \
    __asm__ volatile("1:\n\t" load_a load_b "add %[a], %[a], %[a_step]\n\t"                                       \
                     "add %[b], %[b], %[b_step]\n\t" products "subs %[count], %[count], #1\n\t"                   \
                     "bne.w 1b"                                                                                   \
                     : [a] "+r"(as), [b] "+r"(bs), [count] "+r"(count), [temp] "=&r"(temp), FPU_ALL_SIXTEEN("+w") \
                     : [a_step] "r"(a_step), [b_step] "r"(b_step)                                                 \
                     : PIXEL_TEMPORARIES, "cc", "memory")
#define FOUR_OF_MANY LOAD_FOUR("a", "", "s16", "s17", "s18", "s19")
#define EIGHT_OF_MANY LOAD_EIGHT("a", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23")

/* Sums of eight numbers by one, or of four by two or three: those of the first of these come first. */
static void by_few(const fpu_pixels *p, side a, side b, uint32_t count_b, float *sums)
{
    FPU_SIXTEEN_SUMS
    const uint32_t a_step = a.step * (uint32_t)sizeof(ELEMENT);
    const uint32_t b_step = (b.step - count_b) * (uint32_t)sizeof(ELEMENT); /* from behind them */
    uint32_t temp;
    FPU_CLEAR_SIXTEEN;
    for (uint32_t rows = p->rows; rows > 0; rows--, a.at += a.row, b.at += b.row) {
        const ELEMENT *as = a.at, *bs = b.at;
        uint32_t count = p->columns;
        if (count_b == 1) {
            BY_FEW(EIGHT_OF_MANY, LOAD_ONE("b", "temp", "s24"), EIGHT_BY_ONE);
        } else if (count_b == 2) {
            BY_FEW(FOUR_OF_MANY, LOAD_ANY_TWO("b", "temp", "s24", "s25"), FOUR_BY_TWO);
        } else {
            BY_FEW(FOUR_OF_MANY, LOAD_ANY_THREE("b", "temp", "s24", "s25", "s26"), FOUR_BY_THREE);
        }
    }
    FPU_STORE_SIXTEEN(sums);
}

#else

static void sixteen(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy, uint32_t known_outputs,
                    uint32_t known_inputs, ELEMENT *dw, uint32_t dw_step, float alpha, float beta)
{
    few(p, x + known_inputs, dy + known_outputs, FOUR - known_outputs, FOUR - known_inputs,
        dw + known_outputs * dw_step + known_inputs, dw_step, alpha, beta);
}

static void by_few(const fpu_pixels *p, side a, side b, uint32_t count_b, float *sums)
{
    const uint32_t count_a = count_b == 1 ? EIGHT : FOUR;
    for (uint32_t n = 0; n < count_a * count_b; n++) {
        sums[n] = 0.0f;
        for (uint32_t r = 0; r < p->rows; r++) {
            const ELEMENT *as = a.at + r * a.row + n % count_a, *bs = b.at + r * b.row + n / count_a;
            for (uint32_t c = 0; c < p->columns; c++, as += a.step, bs += b.step) {
                sums[n] = groat_fma(WIDE(*as), WIDE(*bs), sums[n]);
            }
        }
    }
}

#endif

/* As sixteen(), of numbers that lie anywhere. */
static void sixteen_anywhere(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy, uint32_t known_outputs,
                             uint32_t known_inputs, ELEMENT *dw, uint32_t dw_step, float alpha, float beta)
{
    FPU_ROWS;
    for (uint32_t r = 0; r < p->rows; r++, x += p->x_row, dy += p->dy_row) {
        const ELEMENT *xs = x, *dys = dy;
        for (uint32_t left = p->columns; left > 0; left--, xs += p->x_step, dys += p->dy_step) {
            const float y0 = WIDE(xs[0]), y1 = WIDE(xs[1]), y2 = WIDE(xs[2]), y3 = WIDE(xs[3]);
            FPU_ROWS_ADD(WIDE(dys[0]), WIDE(dys[1]), WIDE(dys[2]), WIDE(dys[3]));
        }
    }
    const float sums[] = FPU_ALL_ROWS;
    for (uint32_t o = known_outputs; o < FOUR; o++) {
        for (uint32_t i = known_inputs; i < FOUR; i++) {
            fpu_update(dw + o * dw_step + i, sums[o * FOUR + i], alpha, beta);
        }
    }
}

/* Of a single pixel: for each output a row of weights, to = alpha * dy * x + beta * to, of which `eights` times eight. */
#if FPU_ASSEMBLY

#define ROWS_OF_EIGHTS(scale)                                                                                          \
    __asm__ volatile(                                                                                                  \
        "1:\n\t" LOAD_ONE(                                                                                             \
            "dy", "count",                                                                                             \
            "s16") "mov %[at], %[x]\n\t"                                                                               \
                   "mov %[count], %[eights]\n\t"                                                                       \
                   "vmul.f32 s16, s16, %[alpha]\n"                                                                     \
                   "2:\n\t" LOAD_EIGHT("at", "!", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7")                      \
                       LOAD_EIGHT("from", "", "s8", "s9", "s10", "s11", "s12", "s13", "s14",                           \
                                  "s15") "add %[from], %[from], %[step]\n\t" scale                                     \
                                         "vfma.f32 s8, s0, s16\n\tvfma.f32 s9, s1, s16\n\tvfma.f32 s10, s2, s16\n\t"   \
                                         "vfma.f32 s11, s3, s16\n\tvfma.f32 s12, s4, s16\n\tvfma.f32 s13, s5, s16\n\t" \
                                         "vfma.f32 s14, s6, s16\n\tvfma.f32 s15, s7, s16\n\t" STORE_EIGHT(             \
                                             "to", "!", "s8", "s9", "s10", "s11", "s12", "s13", "s14",                 \
                                             "s15") "subs %[count], %[count], #1\n\t"                                  \
                                                    "bne.w 2b\n\t"                                                     \
                                                    "add %[to], %[to], %[gap]\n\t"                                     \
                                                    "add %[from], %[from], %[from_gap]\n\t"                            \
                                                    "subs %[outputs], %[outputs], #1\n\t"                              \
                                                    "bne.w 1b"                                                         \
        :                                                                                                              \
        [dy] "+r"(dy), [at] "=&r"(at), [from] "+r"(from), [to] "+r"(to), [count] "=&r"(count), [outputs] "+r"(outputs) \
        : [x] "r"(x), [eights] "r"(eights), [step] "r"(step), [gap] "r"(gap), [from_gap] "r"(from_gap),                \
          [alpha] "t"(alpha), [beta] "t"(beta)                                                                         \
        : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", \
          "cc", "memory")
#define SCALE_EIGHT                                                                              \
    "vmul.f32 s8, s8, %[beta]\n\tvmul.f32 s9, s9, %[beta]\n\tvmul.f32 s10, s10, %[beta]\n\t"     \
    "vmul.f32 s11, s11, %[beta]\n\tvmul.f32 s12, s12, %[beta]\n\tvmul.f32 s13, s13, %[beta]\n\t" \
    "vmul.f32 s14, s14, %[beta]\n\tvmul.f32 s15, s15, %[beta]\n\t"

static void rows_of_eights(const ELEMENT *x, const ELEMENT *dy, uint32_t outputs, uint32_t eights, ELEMENT *to,
                           uint32_t to_step, float alpha, float beta)
{
    const ELEMENT *at, *from = beta == 0.0f ? (const ELEMENT *)(const void *)fpu_zeros : to;
    const uint32_t gap = (to_step - eights * EIGHT) * (uint32_t)sizeof(ELEMENT);
    const uint32_t from_gap = beta == 0.0f ? 0 : gap;
    const uint32_t step = beta == 0.0f ? 0 : EIGHT * sizeof(ELEMENT);
    uint32_t count;
    if (beta == 1.0f || beta == 0.0f) {
        ROWS_OF_EIGHTS("");
    } else {
        ROWS_OF_EIGHTS(SCALE_EIGHT);
    }
}

#else

static void rows_of_eights(const ELEMENT *x, const ELEMENT *dy, uint32_t outputs, uint32_t eights, ELEMENT *to,
                           uint32_t to_step, float alpha, float beta)
{
    for (uint32_t o = 0; o < outputs; o++, to += to_step) {
        for (uint32_t i = 0; i < eights * EIGHT; i++) {
            fpu_update(to + i, WIDE(x[i]), alpha * WIDE(dy[o]), beta);
        }
    }
}

#endif

/* All weights under a tap of less than four inputs or outputs. */
static void tap_of_few(const groat_conv_grad_float *k, const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy,
                       ELEMENT *dw, uint32_t dw_step)
{
    const side xs = {x, p->x_step, p->x_row}, dys = {dy, p->dy_step, p->dy_row};
    const int few_in = k->channels_in < k->channels_out;
    side a = few_in ? dys : xs;
    const uint32_t count_a = few_in ? k->channels_out : k->channels_in;
    const uint32_t count_b = few_in ? k->channels_in : k->channels_out;
    const uint32_t width = count_b == 1 ? EIGHT : FOUR;
    if (count_a < width) {
        few(p, x, dy, k->channels_out, k->channels_in, dw, dw_step, k->alpha, k->beta);
        return;
    }
    for (uint32_t done = 0; done < count_a; done += width) { /* the last may overlap those before */
        const uint32_t first = done + width <= count_a ? done : count_a - width;
        float sums[FOUR * FOUR];
        a.at = (few_in ? dy : x) + first;
        by_few(p, a, few_in ? xs : dys, count_b, sums);
        for (uint32_t at = done; at < first + width; at++) {
            for (uint32_t n = 0; n < count_b; n++) {
                ELEMENT *to = few_in ? dw + at * dw_step + n : dw + n * dw_step + at;
                fpu_update(to, sums[n * width + at - first], k->alpha, k->beta);
            }
        }
    }
}

/* All weights under a tap; of arrays whose numbers can be loaded several at a time, or not. */
static void tap_weights(const groat_conv_grad_float *k, int loadable, const fpu_pixels *p, const ELEMENT *x,
                        const ELEMENT *dy, ELEMENT *dw, uint32_t dw_step)
{
    const uint32_t inputs = k->channels_in, outputs = k->channels_out;
    if (p->rows * p->columns == 1) {
        const uint32_t eights = loadable ? inputs / EIGHT : 0;
        if (eights > 0) {
            rows_of_eights(x, dy, outputs, eights, dw, dw_step, k->alpha, k->beta);
        }
        for (uint32_t i = eights * EIGHT; i < inputs; i++) {
            for (uint32_t o = 0; o < outputs; o++) {
                fpu_update(dw + o * dw_step + i, WIDE(x[i]), k->alpha * WIDE(dy[o]), k->beta);
            }
        }
        return;
    }
    if (inputs < FOUR || outputs < FOUR) {
        if (loadable) {
            tap_of_few(k, p, x, dy, dw, dw_step);
        } else {
            few(p, x, dy, outputs, inputs, dw, dw_step, k->alpha, k->beta);
        }
        return;
    }
    for (uint32_t o = 0; o < outputs; o += FOUR) { /* the last four may overlap those before */
        const uint32_t first_o = o + FOUR <= outputs ? o : outputs - FOUR;
        for (uint32_t i = 0; i < inputs; i += FOUR) {
            const uint32_t first_i = i + FOUR <= inputs ? i : inputs - FOUR;
            ELEMENT *to = dw + first_o * dw_step + first_i;
            if (loadable) {
                sixteen(p, x + first_i, dy + first_o, o - first_o, i - first_i, to, dw_step, k->alpha, k->beta);
            } else {
                sixteen_anywhere(p, x + first_i, dy + first_o, o - first_o, i - first_i, to, dw_step, k->alpha,
                                 k->beta);
            }
        }
    }
}

void KERNEL(conv_weight_grad)(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw,
                              float *db)
{
    const groat_window *v = k->window;
    const uintptr_t xs = (uintptr_t)x | (uintptr_t)dw | (k->in_stride | k->channels_in) * sizeof(ELEMENT);
    const uintptr_t dys = (uintptr_t)dy | (k->out_stride | k->channels_out) * sizeof(ELEMENT);
    const int loadable = LOADABLE((k->channels_in < FOUR ? 0 : xs) | (k->channels_out < FOUR ? 0 : dys));
    for (uint32_t tap = 0, ky = 0; dw != 0 && ky < v->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < v->kernel_w; kx++, tap++) {
            const fpu_pixels p = fpu_pixels_of(v, ky, kx, k->in_stride, k->out_stride);
            tap_weights(k, loadable, &p, x + p.x, dy + p.dy, dw + tap * k->channels_in,
                        (uint32_t)v->kernel_h * v->kernel_w * k->channels_in);
        }
    }
    if (db != 0) {
        fpu_biases(dy, (uint32_t)v->out_h * v->out_w, k->out_stride, k->channels_out, k->alpha, k->beta, db);
    }
}
