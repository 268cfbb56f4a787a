/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a maximum pooling of mantissas: that of a window goes to the place that its index names.  Windows do not
 * overlap, so nothing is added up, and the exponent stays.
 */
#include "pool_grad.h"

static int check(const groat_call *call)
{
    const groat_max_pool_2d_grad_bfp16_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_pool_grad(call, w, GROAT_INT16));
    GROAT_REQUIRE(w->kernel_h <= w->stride_h && w->kernel_w <= w->stride_w);
    return groat_check_tensor(call, 1, GROAT_UINT8, groat_elements(groat_arg_tensor(call, 0)));
}

/* The window that holds place [y, x], if there is one: any index is harmless, since it is only compared. */
static void pixel(const groat_window *w, const int16_t *dy, const uint8_t *index, uint32_t y, uint32_t x, int16_t *dx)
{
    const groat_span rows = groat_windows_of(y, w->pad_top, w->kernel_h, w->stride_h, w->out_h);
    const groat_span columns = groat_windows_of(x, w->pad_left, w->kernel_w, w->stride_w, w->out_w);
    if (rows.first >= rows.end || columns.first >= columns.end) {
        memset(dx, 0, w->in_c * sizeof *dx);
        return;
    }
    const uint32_t row = y + w->pad_top - rows.first * w->stride_h;
    const uint32_t place = row * w->kernel_w + x + w->pad_left - columns.first * w->stride_w;
    const uint32_t from = (rows.first * w->out_w + columns.first) * w->in_c;
    for (uint32_t c = 0; c < w->in_c; c++) {
        dx[c] = index[from + c] == place ? dy[from + c] : 0;
    }
}

static void run(const groat_call *call)
{
    const groat_max_pool_2d_grad_bfp16_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const uint32_t image = (uint32_t)w->out_h * w->out_w * w->in_c;
    const int16_t *dy = groat_in(call, 0);
    const uint8_t *index = groat_in(call, 1);
    int16_t *dx = groat_out(call, 0);
    for (uint32_t b = 0; b < w->batches; b++, dy += image, index += image) {
        for (uint32_t y = 0; y < w->in_h; y++) {
            for (uint32_t x = 0; x < w->in_w; x++, dx += w->in_c) {
                pixel(w, dy, index, y, x, dx);
            }
        }
    }
}

const groat_op groat_op_max_pool_2d_grad_bfp16 = {check, NULL, run};
