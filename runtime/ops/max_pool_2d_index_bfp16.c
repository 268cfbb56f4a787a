/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling of mantissas that remembers in a byte which place of its window the first maximum was.
 */
#include "pool_index.h"

static int check(const groat_call *call)
{
    const groat_max_pool_2d_index_bfp16_params *p = groat_params(call);
    return groat_check_pool_index(call, &p->window, GROAT_INT16);
}

static void pixel(const groat_window *w, const int16_t *image, groat_inside rows, groat_inside columns, int16_t *y,
                  uint8_t *index)
{
    for (uint32_t c = 0; c < w->in_c; c++) {
        const int16_t *row = image + (rows.start * w->in_w + columns.start) * w->in_c + c;
        int32_t most = INT32_MIN;
        uint32_t place = 0;
        for (uint32_t ky = rows.first; ky < rows.end; ky++, row += (uint32_t)w->in_w * w->in_c) {
            const int16_t *x = row;
            for (uint32_t kx = columns.first; kx < columns.end; kx++, x += w->in_c) {
                if (most < *x) {
                    most = *x;
                    place = ky * w->kernel_w + kx;
                }
            }
        }
        y[c] = (int16_t)most;
        index[c] = (uint8_t)place;
    }
}

static void run(const groat_call *call)
{
    const groat_max_pool_2d_index_bfp16_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const int16_t *image = groat_in(call, 0);
    int16_t *y = groat_out(call, 0);
    uint8_t *index = groat_out(call, 1);
    for (uint32_t b = 0; b < w->batches; b++, image += (uint32_t)w->in_h * w->in_w * w->in_c) {
        for (uint32_t r = 0; r < w->out_h; r++) {
            const groat_inside rows = groat_inside_of(r, w->stride_h, w->pad_top, w->kernel_h, w->in_h);
            for (uint32_t s = 0; s < w->out_w; s++, y += w->in_c, index += w->in_c) {
                pixel(w, image, rows, groat_inside_of(s, w->stride_w, w->pad_left, w->kernel_w, w->in_w), y, index);
            }
        }
    }
}

const groat_op groat_op_max_pool_2d_index_bfp16 = {check, NULL, run};
