/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each input channel has filters of its own.
 */
#include "depthwise_conv_2d.h"

static int in_place(const groat_call *call)
{
    return groat_arg_tensor(call, 0)->buffer == groat_arg_tensor(call, 1)->buffer;
}

/* Whether outputs may be written where inputs are read.  Windows are one apart and stick out at the sides, so that every
 * kernel reads copies of rows; images are so small, and channels so many, that one that goes through the image a few
 * channels at a time does so but once. */
static int may_work_in_place(const groat_window *w)
{
    uint32_t kernel = w->kernel_h > w->kernel_w ? w->kernel_h : w->kernel_w;
    uint32_t side = w->in_h > w->in_w ? w->in_h : w->in_w;
    return w->stride_h == 1 && w->stride_w == 1 && w->out_h == w->in_h && w->out_w == w->in_w && w->kernel_w > 1 &&
           kernel <= GROAT_IN_PLACE_KERNEL && side * kernel <= GROAT_IN_PLACE_SIDE && w->in_c % 4u == 0;
}

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c, GROAT_INT8));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
    if (in_place(call) && !may_work_in_place(&p->window)) {
        return GROAT_E_OVERLAP;
    }
    groat_depthwise_s8 k;
    groat_needs needs;
    groat_depthwise_conv_2d_kernel(p, &k);
    GROAT_REQUIRE(groat_kernels.depthwise_s8_needs(&k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(groat_kernels.depthwise_s8_check(&k));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    return groat_depthwise_conv_2d_scratch(params);
}

static void run(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    groat_depthwise_conv_2d_run(call, p, groat_const(call, p->weights), groat_scratch(call));
}

const groat_op groat_op_depthwise_conv_2d = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->window) && !in_place(call);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    groat_window_rows(&p->window, p->input_zero_point, rows);
}

static uint64_t kernel_bytes(const void *params, uint32_t pixels)
{
    groat_depthwise_s8 k;
    groat_needs needs;
    groat_depthwise_conv_2d_part_kernel(params, pixels, &k);
    groat_kernels.depthwise_s8_needs(&k, &needs);
    return needs.scratch_bytes;
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_depthwise_conv_2d_params *p = params;
    return groat_window_part_scratch_bytes(&p->window, unit, kernel_bytes(p, unit->pixels));
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    groat_depthwise_s8 k;
    groat_depthwise_conv_2d_part_kernel(p, part->pixels, &k);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    groat_window_part(call, &p->window, p->input_zero_point, part, groat_depthwise_segment, &k, &k.scratch,
                      kernel_bytes);
}

const groat_row_op groat_row_op_depthwise_conv_2d = {check_rows, rows, part_scratch_bytes, part};
