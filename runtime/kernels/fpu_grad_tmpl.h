/* SPDX-License-Identifier: Apache-2.0
 *
 * What gradients of floats share that are computed with a floating-point unit (fpu_*_grad_tmpl.h); behind fpu_f32.h or
 * fpu_f16.h.
 */
#include "grad.h"

/* The output pixels whose window has one of its taps within the image, and the inputs there; elements.  A row is what is
 * longer: a row of the image, or a column. */
typedef struct fpu_pixels {
    uint32_t rows;
    uint32_t columns;
    uint32_t x;       /* from the image's start to the first input */
    uint32_t x_step;  /* to that of the next pixel, */
    uint32_t x_row;   /* of the next row */
    uint32_t dy;      /* the same of the outputs */
    uint32_t dy_step;
    uint32_t dy_row;
} fpu_pixels;

static inline fpu_pixels fpu_pixels_of(const groat_window *w, uint32_t ky, uint32_t kx, uint32_t in_stride,
                                       uint32_t out_stride)
{
    const groat_axis h = groat_axis_h(w), v = groat_axis_w(w);
    uint32_t y, y_end, x, x_end;
    groat_outputs_of_tap(&h, ky, &y, &y_end);
    groat_outputs_of_tap(&v, kx, &x, &x_end);
    if (y == y_end || x == x_end) {
        return (fpu_pixels){0};
    }
    const uint32_t in_y = y * w->stride_h + ky * w->dilation_h - w->pad_top;
    const uint32_t in_x = x * w->stride_w + kx * w->dilation_w - w->pad_left;
    fpu_pixels p = {
        .rows = y_end - y,
        .columns = x_end - x,
        .x = (in_y * w->in_w + in_x) * in_stride,
        .x_step = w->stride_w * in_stride,
        .x_row = (uint32_t)w->stride_h * w->in_w * in_stride,
        .dy = (y * w->out_w + x) * out_stride,
        .dy_step = out_stride,
        .dy_row = w->out_w * out_stride,
    };
    if (p.x_row == p.columns * p.x_step && p.dy_row == p.columns * p.dy_step) { /* as one row */
        p.columns *= p.rows;
        p.rows = 1;
    }
    if (p.rows > p.columns) {
        p = (fpu_pixels){p.columns, p.rows, p.x, p.x_row, p.x_step, p.dy, p.dy_row, p.dy_step};
    }
    return p;
}

/* What a gradient's sum makes of a number: alpha * sum + beta * it, which is not read where beta is zero. */
static inline float fpu_updated(float there, float sum, float alpha, float beta)
{
    return groat_fma(sum, alpha, beta == 0.0f ? 0.0f : beta * there);
}

static inline void fpu_update(ELEMENT *to, float sum, float alpha, float beta)
{
    *to = NARROW(fpu_updated(WIDE(*to), sum, alpha, beta));
}

/* Gradients of biases: sums of dy over pixels. */
static inline void fpu_biases(const ELEMENT *dy, uint32_t pixels, uint32_t stride, uint32_t channels, float alpha,
                              float beta, float *db)
{
    uint32_t o = 0;
#if FPU_ASSEMBLY
    for (; channels - o >= 4 && LOADABLE((uintptr_t)dy | stride * sizeof(ELEMENT)); o += 4) {
        FPU_FOUR_SUMS
        FPU_CLEAR_FOUR;
        const ELEMENT *at = dy + o;
        uint32_t count = pixels;
        float sums[4];
        __asm__ volatile("1:\n\t" LOAD_FOUR("at", "", "s4", "s5", "s6", "s7") "add %[at], %[at], %[step]\n\t"
                                                                              "vadd.f32 s0, s0, s4\n\t"
                                                                              "vadd.f32 s1, s1, s5\n\t"
                                                                              "vadd.f32 s2, s2, s6\n\t"
                                                                              "vadd.f32 s3, s3, s7\n\t"
                                                                              "subs %[count], %[count], #1\n\t"
                                                                              "bne 1b"
                         : [at] "+r"(at), [count] "+r"(count), FPU_ALL_FOUR("+w")
                         : [step] "r"(stride * sizeof(ELEMENT))
                         : "s4", "s5", "s6", "s7", "cc", "memory");
        FPU_STORE_FOUR(sums);
        for (uint32_t c = 0; c < 4; c++) {
            db[o + c] = fpu_updated(db[o + c], sums[c], alpha, beta);
        }
    }
#endif
    for (; o < channels; o++) {
        float sum = 0.0f;
        for (uint32_t p = 0; p < pixels; p++) {
            sum += WIDE(dy[p * stride + o]);
        }
        db[o] = fpu_updated(db[o], sum, alpha, beta);
    }
}
