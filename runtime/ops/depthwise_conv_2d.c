/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each input channel has filters of its own.
 */
#include "../kernels/select.h"
#include "window.h"

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const groat_depthwise_conv_2d_params *p, groat_depthwise_s8 *k, groat_needs *needs)
{
    const groat_window *w = &p->window;
    k->layout = p->layout;
    k->channels_in = w->in_c;
    k->multiplier = (uint32_t)(p->out_c / w->in_c);
    k->rows = w->kernel_h;
    k->taps = w->kernel_w;
    k->output_zero_point = p->output_zero_point;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return groat_kernels.depthwise_s8_needs(k, needs);
}

/* The same for a kernel that takes the whole image. */
static groat_depthwise_image_s8 image_of(const groat_depthwise_conv_2d_params *p)
{
    return (groat_depthwise_image_s8){
        .window = &p->window,
        .layout = p->layout,
        .multiplier = (uint32_t)(p->out_c / p->window.in_c),
        .padding = p->input_zero_point,
        .output_zero_point = p->output_zero_point,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
}

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
    groat_depthwise_s8 k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(groat_kernels.depthwise_s8_check(&k));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_depthwise_conv_2d_params *p = params;
    groat_depthwise_s8 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    groat_depthwise_image_s8 image = image_of(p);
    groat_needs whole;
    if (groat_kernels.depthwise_image_s8_needs(&image, &whole)) {
        return (uint32_t)whole.scratch_bytes;
    }
    return groat_window_scratch_bytes(&p->window, needs.scratch_bytes);
}

static void segment(const void *context, const int8_t *const *rows, uint32_t tap_stride, uint32_t pixel_stride,
                    int8_t *out, uint32_t pixels)
{
    groat_depthwise_s8 k = *(const groat_depthwise_s8 *)context;
    k.tap_stride = tap_stride;
    k.pixel_stride = pixel_stride;
    groat_kernels.depthwise_s8(&k, rows, out, pixels);
}

static void run(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    groat_depthwise_s8 k;
    groat_needs needs;
    groat_depthwise_image_s8 image = image_of(p);
    if (groat_kernels.depthwise_image_s8_needs(&image, &needs)) {
        image.weights = groat_const(call, p->weights);
        image.channels = groat_const(call, p->channels);
        image.scratch = groat_scratch(call);
        groat_kernels.depthwise_image_s8(&image, groat_in(call, 0), groat_out(call, 0));
        return;
    }
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = groat_window_kernel_scratch(&p->window, groat_scratch(call));
    groat_for_segments(&p->window, p->input_zero_point, groat_in(call, 0), groat_out(call, 0), p->out_c,
                       groat_scratch(call), segment, &k);
}

const groat_op groat_op_depthwise_conv_2d = {check, scratch_bytes, run};
