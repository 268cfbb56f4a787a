/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of int16 activations: the walk of DEPTHWISE_CONV_2D over an image of twice the bytes.
 */
#include "../kernels/select.h"
#include "window.h"

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const groat_depthwise_conv_2d_int16_params *p, groat_depthwise_s16 *k, groat_needs *needs)
{
    const groat_window *w = &p->window;
    k->layout = p->layout;
    k->channels_in = w->in_c;
    k->multiplier = (uint32_t)(p->out_c / w->in_c);
    k->rows = w->kernel_h;
    k->taps = w->kernel_w;
    k->tap_stride = (uint32_t)w->dilation_w * w->in_c;
    k->pixel_stride = (uint32_t)w->stride_w * w->in_c;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return groat_kernels.depthwise_s16_needs(k, needs);
}

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window_s16(call, &p->window, p->out_c));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
    groat_depthwise_s16 k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(groat_kernels.depthwise_s16_check(&k));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_depthwise_conv_2d_int16_params *p = params;
    const groat_window bytes = groat_window_of_s16(&p->window);
    groat_depthwise_s16 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    return groat_window_scratch_bytes(&bytes, needs.scratch_bytes);
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.depthwise_s16(context, rows, (int16_t *)(void *)out, pixels);
}

static void run(const groat_call *call)
{
    const groat_depthwise_conv_2d_int16_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_s16(&p->window);
    groat_depthwise_s16 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = groat_window_kernel_scratch(&bytes, groat_scratch(call));
    groat_for_segments(&bytes, 0, groat_in(call, 0), groat_out(call, 0), 2u * p->out_c, groat_scratch(call), segment,
                       &k);
}

const groat_op groat_op_depthwise_conv_2d_int16 = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_depthwise_conv_2d_int16_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_depthwise_conv_2d_int16_params *p = groat_params(call);
    groat_window_rows(&p->window, 0, rows);
}

static uint64_t kernel_bytes(const void *params, uint32_t pixels)
{
    (void)pixels;
    groat_depthwise_s16 k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return needs.scratch_bytes;
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_depthwise_conv_2d_int16_params *p = params;
    const groat_window bytes = groat_window_of_s16(&p->window);
    return groat_window_part_scratch_bytes(&bytes, unit, kernel_bytes(p, unit->pixels));
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_depthwise_conv_2d_int16_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_s16(&p->window);
    groat_depthwise_s16 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    groat_window_part(call, &bytes, 0, part, segment, &k, &k.scratch, kernel_bytes);
}

const groat_row_op groat_row_op_depthwise_conv_2d_int16 = {check_rows, rows, part_scratch_bytes, part};
