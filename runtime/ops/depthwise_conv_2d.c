/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each input channel has filters of its own.
 */
#include "depthwise_conv_2d.h"

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c, GROAT_INT8));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
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
    return groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    groat_window_rows(&p->window, p->input_zero_point, rows);
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_depthwise_conv_2d_params *p = params;
    groat_depthwise_s8 k;
    groat_needs needs;
    groat_depthwise_conv_2d_kernel(p, &k);
    k.pixels = unit->pixels;
    groat_kernels.depthwise_s8_needs(&k, &needs);
    return groat_window_part_scratch_bytes(&p->window, unit, needs.scratch_bytes);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    groat_depthwise_s8 k;
    groat_depthwise_conv_2d_kernel(p, &k);
    k.pixels = part->pixels;
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    groat_window_part(call, &p->window, p->input_zero_point, part, groat_depthwise_segment, &k, &k.scratch);
}

const groat_row_op groat_row_op_depthwise_conv_2d = {check_rows, rows, part_scratch_bytes, part};
