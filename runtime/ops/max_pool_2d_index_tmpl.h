/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling that remembers in a byte which place of its window the first maximum was.  Included for each type, behind
 * as_*.h and the type op_params.
 */
#include "../kernels/float.h"
#include "pool.h"

static int check(const groat_call *call)
{
    const op_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 1, 2));
    GROAT_TRY(groat_check_window(call, w, w->in_c, DTYPE));
    GROAT_REQUIRE(w->dilation_h == 1 && w->dilation_w == 1 && (uint32_t)w->kernel_h * w->kernel_w <= 256);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return groat_check_tensor(call, 2, GROAT_UINT8, groat_elements(groat_arg_tensor(call, 1)));
}

/* Along one axis: the place in the image where a window starts, and which of its places are inside. */
typedef struct extent {
    uint32_t start; /* of the first that is inside */
    uint32_t first;
    uint32_t end;
} extent;

static extent extent_of(uint32_t window, uint32_t stride, uint32_t pad, uint32_t kernel, uint32_t size)
{
    uint32_t at = window * stride;
    uint32_t first = at < pad ? pad - at : 0;
    uint32_t end = at + kernel < size + pad ? kernel : size + pad - at;
    return (extent){.start = at + first - pad, .first = first, .end = end};
}

static void pixel(const op_params *p, const ELEMENT *image, extent rows, extent columns, ELEMENT *y, uint8_t *index)
{
    const groat_window *w = &p->window;
    for (uint32_t c = 0; c < w->in_c; c++) {
        const ELEMENT *row = image + (rows.start * w->in_w + columns.start) * w->in_c + c;
        float most = -__builtin_inff();
        uint32_t place = rows.first * w->kernel_w + columns.first;
        for (uint32_t ky = rows.first; ky < rows.end; ky++, row += (uint32_t)w->in_w * w->in_c) {
            const ELEMENT *x = row;
            for (uint32_t kx = columns.first; kx < columns.end; kx++, x += w->in_c) {
                float wide = WIDE(*x);
                if (most < wide) {
                    most = wide;
                    place = ky * w->kernel_w + kx;
                }
            }
        }
        y[c] = NARROW(groat_clamp_float(most, p->act_min, p->act_max));
        index[c] = (uint8_t)place;
    }
}

static void run(const groat_call *call)
{
    const op_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const ELEMENT *image = groat_in(call, 0);
    ELEMENT *y = groat_out(call, 0);
    uint8_t *index = groat_out(call, 1);
    for (uint32_t b = 0; b < w->batches; b++, image += (uint32_t)w->in_h * w->in_w * w->in_c) {
        for (uint32_t r = 0; r < w->out_h; r++) {
            extent rows = extent_of(r, w->stride_h, w->pad_top, w->kernel_h, w->in_h);
            for (uint32_t s = 0; s < w->out_w; s++, y += w->in_c, index += w->in_c) {
                extent columns = extent_of(s, w->stride_w, w->pad_left, w->kernel_w, w->in_w);
                pixel(p, image, rows, columns, y, index);
            }
        }
    }
}
