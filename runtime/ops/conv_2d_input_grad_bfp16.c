/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a convolution of block floating point by its input.  Outputs without a gradient, which are most of
 * those in front of a ReLU and a maximum pooling, cost nothing.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_conv_2d_input_grad_bfp16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 4, 2));
    GROAT_TRY(groat_check_bits(p->bits));
    GROAT_TRY(groat_check_bfp_window(call, &p->window, p->out_c, 4, 2));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, (uint64_t)groat_bfp_filter(&p->window) * p->out_c));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
    GROAT_TRY(groat_check_tensor(call, 3, GROAT_INT32, 1));
    return groat_check_tensor(call, 5, GROAT_INT32, 1);
}

static uint32_t scratch_bytes(const void *params)
{
    return groat_bfp_scratch_bytes(groat_bfp_inputs(&((const groat_conv_2d_input_grad_bfp16_params *)params)->window));
}

static void add(const groat_bfp_taps *taps, int32_t *sums, const int16_t *w, int32_t factor)
{
    sums += taps->x;
    w += taps->w;
    for (uint32_t row = 0; row < taps->rows; row++, sums += taps->x_row, w += taps->w_row) {
        for (uint32_t run = 0; run < taps->runs; run++) {
            groat_axpy_bfp16(sums + run * taps->x_run, w + run * taps->length, factor, taps->length);
        }
    }
}

static void all_sums(const groat_call *call, int32_t *sums)
{
    const groat_conv_2d_input_grad_bfp16_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const uint32_t filter = groat_bfp_filter(w);
    const int16_t *weights = groat_in(call, 0);
    const int16_t *dy = groat_in(call, 2);
    for (uint32_t n = 0; n < w->batches; n++, sums += (uint32_t)w->in_h * w->in_w * w->in_c) {
        for (uint32_t oy = 0; oy < w->out_h; oy++) {
            for (uint32_t ox = 0; ox < w->out_w; ox++, dy += p->out_c) {
                const groat_bfp_taps taps = groat_bfp_taps_at(w, oy, ox);
                for (uint32_t o = 0; o < p->out_c; o++) {
                    if (dy[o] != 0) {
                        add(&taps, sums, weights + o * filter, dy[o]);
                    }
                }
            }
        }
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_input_grad_bfp16_params *p = groat_params(call);
    const uint32_t count = (uint32_t)groat_bfp_inputs(&p->window);
    const int32_t of_weights = groat_exponent_in(call, 1);
    const int32_t of_dy = groat_exponent_in(call, 3);
    int16_t *dx = groat_out(call, 0);
    int32_t *dxe = groat_out(call, 1);
    if (of_weights == GROAT_BFP_NOT_FINITE || of_dy == GROAT_BFP_NOT_FINITE) {
        groat_bfp_not_finite(dx, count, dxe);
        return;
    }
    int32_t *sums = groat_scratch(call);
    memset(sums, 0, count * sizeof *sums);
    all_sums(call, sums);
    groat_bfp_from_sums(sums, count, of_weights + of_dy, p->bits, dx, dxe);
}

const groat_op groat_op_conv_2d_input_grad_bfp16 = {check, scratch_bytes, run};
