/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a maximum pooling: that of a window goes to the place that its index names.  Included for each type,
 * by way of as_*.h.
 */
#include "pool_grad.h"

typedef groat_max_pool_2d_grad_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_pool_grad(call, &p->window, DTYPE));
    return groat_check_tensor(call, 1, GROAT_UINT8, groat_elements(groat_arg_tensor(call, 0)));
}

/* What goes to a place that only one window holds. */
static void lone_pixel(const groat_window *w, const ELEMENT *dy, const uint8_t *index, uint32_t place, ELEMENT *dx)
{
    for (uint32_t c = 0; c < w->in_c; c++) {
        dx[c] = index[c] == place ? NARROW(0.0f + WIDE(dy[c])) : 0; /* -0 becomes 0, as in a sum */
    }
}

/* What goes to place [y, x]: any index is harmless, since it is only compared. */
static void pixel(const groat_window *w, const ELEMENT *dy, const uint8_t *index, uint32_t y, uint32_t x, ELEMENT *dx)
{
    groat_span rows = groat_windows_of(y, w->pad_top, w->kernel_h, w->stride_h, w->out_h);
    groat_span columns = groat_windows_of(x, w->pad_left, w->kernel_w, w->stride_w, w->out_w);
    if (rows.end - rows.first == 1 && columns.end - columns.first == 1) {
        uint32_t place = (y + w->pad_top - rows.first * w->stride_h) * w->kernel_w;
        place += x + w->pad_left - columns.first * w->stride_w;
        uint32_t from = (rows.first * w->out_w + columns.first) * w->in_c;
        lone_pixel(w, dy + from, index + from, place, dx);
        return;
    }
    for (uint32_t c = 0; c < w->in_c; c++) {
        float sum = 0.0f;
        for (uint32_t r = rows.first; r < rows.end; r++) {
            uint32_t place_y = y + w->pad_top - r * w->stride_h;
            for (uint32_t s = columns.first; s < columns.end; s++) {
                uint32_t place = place_y * w->kernel_w + x + w->pad_left - s * w->stride_w;
                uint32_t from = (r * w->out_w + s) * w->in_c + c;
                if (index[from] == place) {
                    sum += WIDE(dy[from]);
                }
            }
        }
        dx[c] = NARROW(sum);
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const uint32_t image = (uint32_t)w->out_h * w->out_w * w->in_c;
    const ELEMENT *dy = groat_in(call, 0);
    const uint8_t *index = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t b = 0; b < w->batches; b++, dy += image, index += image) {
        for (uint32_t y = 0; y < w->in_h; y++) {
            for (uint32_t x = 0; x < w->in_w; x++, dx += w->in_c) {
                pixel(w, dy, index, y, x, dx);
            }
        }
    }
}
