/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling that remembers in a byte which place of its window the first maximum was.  Included for each type, behind
 * as_*.h and the type op_params.
 */
#include "../kernels/float.h"
#include "pool_index.h"

static int check(const groat_call *call)
{
    const op_params *p = groat_params(call);
    GROAT_TRY(groat_check_pool_index(call, &p->window, DTYPE));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

static void pixel(const op_params *p, const ELEMENT *image, groat_inside rows, groat_inside columns, ELEMENT *y,
                  uint8_t *index)
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
            groat_inside rows = groat_inside_of(r, w->stride_h, w->pad_top, w->kernel_h, w->in_h);
            for (uint32_t s = 0; s < w->out_w; s++, y += w->in_c, index += w->in_c) {
                groat_inside columns = groat_inside_of(s, w->stride_w, w->pad_left, w->kernel_w, w->in_w);
                pixel(p, image, rows, columns, y, index);
            }
        }
    }
}
