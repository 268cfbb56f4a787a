/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of an average pooling: each place of the input gets, from every window that holds it, the window's
 * gradient divided by its number of places.  Places that the same windows hold get the same: they are copied.  Included
 * for each type, by way of as_*.h.
 */
#include "pool_grad.h"

typedef groat_average_pool_2d_grad_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    return groat_check_pool_grad(call, &p->window, DTYPE);
}

/* How many places of a window lie inside the image along one axis. */
static uint32_t inside(uint32_t window, uint32_t stride, uint32_t pad, uint32_t kernel, uint32_t size)
{
    uint32_t start = window * stride;
    uint32_t end = start + kernel < size + pad ? start + kernel : size + pad;
    return end - (start < pad ? pad : start);
}

/* A pixel of dx, from windows rows x columns of dy. */
static void pixel(const groat_window *w, const ELEMENT *dy, groat_span rows, groat_span columns, ELEMENT *dx)
{
    for (uint32_t c = 0; c < w->in_c; c++) {
        float sum = 0.0f;
        for (uint32_t y = rows.first; y < rows.end; y++) {
            uint32_t height = inside(y, w->stride_h, w->pad_top, w->kernel_h, w->in_h);
            for (uint32_t x = columns.first; x < columns.end; x++) {
                uint32_t places = height * inside(x, w->stride_w, w->pad_left, w->kernel_w, w->in_w);
                sum += WIDE(dy[(y * w->out_w + x) * w->in_c + c]) / (float)places;
            }
        }
        dx[c] = NARROW(sum);
    }
}

/* A row of dx. */
static void row(const groat_window *w, const ELEMENT *dy, groat_span rows, ELEMENT *dx)
{
    groat_span before = {0, 0};
    for (uint32_t x = 0; x < w->in_w; x++, dx += w->in_c) {
        groat_span columns = groat_windows_of(x, w->pad_left, w->kernel_w, w->stride_w, w->out_w);
        if (x > 0 && groat_same_span(columns, before)) {
            memcpy(dx, dx - w->in_c, w->in_c * sizeof(ELEMENT));
        } else {
            pixel(w, dy, rows, columns, dx);
        }
        before = columns;
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const uint32_t length = (uint32_t)w->in_w * w->in_c;
    const ELEMENT *dy = groat_in(call, 0);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t b = 0; b < w->batches; b++, dy += (uint32_t)w->out_h * w->out_w * w->in_c) {
        groat_span before = {0, 0};
        for (uint32_t y = 0; y < w->in_h; y++, dx += length) {
            groat_span rows = groat_windows_of(y, w->pad_top, w->kernel_h, w->stride_h, w->out_h);
            if (y > 0 && groat_same_span(rows, before)) {
                memcpy(dx, dx - length, length * sizeof(ELEMENT));
            } else {
                row(w, dy, rows, dx);
            }
            before = rows;
        }
    }
}
