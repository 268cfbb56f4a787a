/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution of floats, channels in the lanes.  With a depth multiplier, that of the weights has the
 * outputs of an input channel there, and that of the input is the portable one.
 */
#include "grad_float.h"

enum {
    GRAD_LANES = 64 /* channels at a time */
};

/* Where a tap is in the image: the terms of its sums, and the first of them. */
static int terms_of_tap(const groat_depthwise_grad_float *k, uint32_t ky, uint32_t kx, terms *t, uint32_t *x,
                        uint32_t *dy)
{
    const groat_window *w = k->window;
    const groat_axis down = groat_axis_h(w), across = groat_axis_w(w);
    uint32_t y0, y1, x0, x1;
    groat_outputs_of_tap(&down, ky, &y0, &y1);
    groat_outputs_of_tap(&across, kx, &x0, &x1);
    if (y0 == y1 || x0 == x1) {
        return 0;
    }
    const uint32_t in_y = y0 * w->stride_h + ky * w->dilation_h - w->pad_top;
    const uint32_t in_x = x0 * w->stride_w + kx * w->dilation_w - w->pad_left;
    *x = (in_y * w->in_w + in_x) * k->channels_in;
    *dy = (y0 * w->out_w + x0) * k->channels_in;
    t->x_row = (uint32_t)w->stride_h * w->in_w * k->channels_in;
    t->x_column = w->stride_w * k->channels_in;
    t->y_row = w->out_w * k->channels_in;
    t->y_column = k->channels_in;
    set_terms(t, y1 - y0, x1 - x0);
    return 1;
}

/* ---- Of the weights ----------------------------------------------------------------------------------- */

/* The convolution that a depthwise one is for each of its input channels. */
static groat_conv_grad_float of_one_input(const groat_depthwise_grad_float *k)
{
    return (groat_conv_grad_float){
        .window = k->window,
        .channels_in = 1,
        .channels_out = k->multiplier,
        .in_stride = k->channels_in,
        .out_stride = k->channels_in * k->multiplier,
        .alpha = k->alpha,
        .beta = k->beta,
        .scratch = k->scratch,
    };
}

int NEEDS(depthwise_weight_grad)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    if (k->multiplier > 1) {
        const groat_conv_grad_float one = of_one_input(k);
        needs->scratch_bytes = NEEDS(weights_by_outputs)(&one);
        return 1;
    }
    needs->scratch_bytes = (uint64_t)at_most(k->channels_in, GRAD_LANES) * sizeof(float);
    return 1;
}

/* sums[lane] += sum of x[lane] * dy[lane] over all terms. */
static void add_products(const terms *t, const ELEMENT *x_rows, const ELEMENT *dy_rows, size_t vl, float *sums)
{
    SUM a = SUM_ZEROS(vl);
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < t->rows; r++, x_rows += t->x_row, dy_rows += t->y_row) {
        const ELEMENT *x = x_rows;
        const ELEMENT *dy = dy_rows;
        for (uint32_t columns = t->columns, n; columns > 0; columns -= n) {
            uint32_t left = n = at_most(columns, SUM_TERMS);
            if (n > room) {
                rvv_add_sums(sums, a, vl);
                a = SUM_ZEROS(vl);
                room = SUM_TERMS;
            }
            room -= n;
#ifdef __riscv
            SUM v, g;
            __asm__ volatile(
                "vsetvli zero, %[vl], " ASM_SUM_TYPE
                ", ta, ma\n\t" EACH_TERM(ASM_LOAD " %[v], (%[x])\n\t" ASM_LOAD " %[g], (%[dy])\n\t"
                                                  "add %[x], %[x], %[x_on]\n\t"
                                                  "add %[dy], %[dy], %[dy_on]\n\t"
                                                  "vfmacc.vv %[a], %[v], %[g]\n\t")
                : [a] "+vr"(a), [v] "=&vr"(v), [g] "=&vr"(g), [x] "+r"(x), [dy] "+r"(dy), [left] "+r"(left)
                : [vl] "r"(vl), [x_on] "r"(t->x_column * sizeof(ELEMENT)), [dy_on] "r"(t->y_column * sizeof(ELEMENT))
                : "memory", "vl", "vtype");
#else
            for (; left > 0; left--, x += t->x_column, dy += t->y_column) {
                a = SUM_ADD_PRODUCTS(a, SUM_LOAD(x, vl), SUM_LOAD(dy, vl), vl);
            }
#endif
        }
    }
    rvv_add_sums(sums, a, vl);
}

/* The same of one lane, in float32 all the way. */
static float exact_sum(const terms *t, const ELEMENT *x, const ELEMENT *dy)
{
    float sum = 0.0f;
    for (uint32_t r = 0; r < t->rows; r++) {
        for (uint32_t c = 0; c < t->columns; c++) {
            sum = groat_fma(WIDE(x[r * t->x_row + c * t->x_column]), WIDE(dy[r * t->y_row + c * t->y_column]), sum);
        }
    }
    return sum;
}

static void tap_gradient(const groat_depthwise_grad_float *k, const terms *t, const ELEMENT *x, const ELEMENT *dy,
                         ELEMENT *dw)
{
    float *sums = k->scratch;
    for (uint32_t c = 0, lanes; c < k->channels_in; c += lanes, x += lanes, dy += lanes, dw += lanes) {
        lanes = at_most(k->channels_in - c, GRAD_LANES);
        set_zeros(sums, lanes);
        for (uint32_t i = 0, vl; i < lanes; i += vl) {
            vl = (uint32_t)SUM_VL(lanes - i);
            add_products(t, x + i, dy + i, vl, sums + i);
        }
        if (has_overflowed(sums, lanes)) {
            for (uint32_t i = 0; i < lanes; i++) {
                sums[i] = exact_sum(t, x + i, dy + i);
            }
        }
        blend(sums, lanes, k->alpha, k->beta, dw, 1);
    }
}

void KERNEL(depthwise_weight_grad)(const groat_depthwise_grad_float *k, const KERNEL_ELEMENT *x,
                                   const KERNEL_ELEMENT *dy, KERNEL_ELEMENT *dw, float *db)
{
    const groat_window *w = k->window;
    const uint32_t channels_out = k->channels_in * k->multiplier;
    const ELEMENT *inputs = (const ELEMENT *)(const void *)x;
    const ELEMENT *outputs = (const ELEMENT *)(const void *)dy;
    ELEMENT *to = (ELEMENT *)(void *)dw;
    for (uint32_t i = 0; dw && k->multiplier > 1 && i < k->channels_in; i++) {
        const groat_conv_grad_float one = of_one_input(k);
        const uint32_t first = i * k->multiplier;
        KERNEL(weights_by_outputs)(&one, inputs + i, outputs + first, to + first, channels_out, 1);
    }
    for (uint32_t ky = 0; dw && k->multiplier == 1 && ky < w->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < w->kernel_w; kx++, to += k->channels_in) {
            terms t = {0};
            uint32_t first_x = 0, first_dy = 0;
            terms_of_tap(k, ky, kx, &t, &first_x, &first_dy);
            tap_gradient(k, &t, inputs + first_x, outputs + first_dy, to);
        }
    }
    if (db) {
        bias_gradient(outputs, (uint32_t)w->out_h * w->out_w, channels_out, channels_out, k->alpha, k->beta, db);
    }
}

/* ---- Of the input --------------------------------------------------------------------------------------- */

int NEEDS(depthwise_input_grad)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    (void)k;
    needs->scratch_bytes = 0;
    return 1;
}

/* dx[lane] += w[lane] * dy[lane] at each place. */
static void add_tap(const terms *t, const ELEMENT *w, const ELEMENT *dy_rows, size_t vl, ELEMENT *dx_rows)
{
    const SUM weights = SUM_LOAD(w, vl);
    for (uint32_t r = 0; r < t->rows; r++, dx_rows += t->x_row, dy_rows += t->y_row) {
        ELEMENT *dx = dx_rows;
        const ELEMENT *dy = dy_rows;
        uint32_t left = t->columns;
#ifdef __riscv
        SUM v, g;
        __asm__ volatile("vsetvli zero, %[vl], " ASM_SUM_TYPE ", ta, ma\n\t" EACH_TERM(
                             ASM_LOAD " %[g], (%[dy])\n\t" ASM_LOAD " %[v], (%[dx])\n\t"
                                      "add %[dy], %[dy], %[dy_on]\n\t"
                                      "vfmacc.vv %[v], %[weights], %[g]\n\t" ASM_STORE " %[v], (%[dx])\n\t"
                                      "add %[dx], %[dx], %[dx_on]\n\t")
                         : [v] "=&vr"(v), [g] "=&vr"(g), [dx] "+r"(dx), [dy] "+r"(dy), [left] "+r"(left)
                         : [weights] "vr"(weights), [vl] "r"(vl), [dx_on] "r"(t->x_column * sizeof(ELEMENT)),
                           [dy_on] "r"(t->y_column * sizeof(ELEMENT))
                         : "memory", "vl", "vtype");
#else
        for (; left > 0; left--, dx += t->x_column, dy += t->y_column) {
            SUM_STORE(dx, SUM_ADD_PRODUCTS(SUM_LOAD(dx, vl), weights, SUM_LOAD(dy, vl), vl), vl);
        }
#endif
    }
}

void KERNEL(depthwise_input_grad)(const groat_depthwise_grad_float *k, const KERNEL_ELEMENT *w,
                                  const KERNEL_ELEMENT *dy, KERNEL_ELEMENT *dx)
{
    const groat_window *window = k->window;
    if (k->multiplier != 1) {
        PORTABLE(depthwise_input_grad)(k, w, dy, dx);
        return;
    }
    const ELEMENT *weights = (const ELEMENT *)(const void *)w;
    const ELEMENT *from = (const ELEMENT *)(const void *)dy;
    ELEMENT *to = (ELEMENT *)(void *)dx;
    const uint32_t count = (uint32_t)window->in_h * window->in_w * k->channels_in;
    for (uint32_t i = 0, vl; i < count; i += vl) {
        vl = (uint32_t)SUM_VL(count - i);
        SUM_STORE(to + i, SUM_ZEROS(vl), vl);
    }
    for (uint32_t ky = 0; ky < window->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < window->kernel_w; kx++, weights += k->channels_in) {
            terms t;
            uint32_t first_dx, first_dy;
            if (!terms_of_tap(k, ky, kx, &t, &first_dx, &first_dy)) {
                continue;
            }
            for (uint32_t c = 0, vl; c < k->channels_in; c += vl) {
                vl = (uint32_t)SUM_VL(k->channels_in - c);
                add_tap(&t, weights + c, from + first_dy + c, vl, to + first_dx + c);
            }
        }
    }
    /* Sums of float16 may have overflowed on their way. */
    if (SUM_TERMS != UINT32_MAX && !FINITE(to, count)) {
        PORTABLE(depthwise_input_grad)(k, w, dy, dx);
    }
}
