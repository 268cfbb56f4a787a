/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each input channel has filters of its own.
 */
#include "../kernels/select.h"
#include "window.h"

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
    uint64_t taps = (uint64_t)p->window.kernel_h * p->window.kernel_w;
    GROAT_TRY(groat_check_const(call, p->weights, taps * p->out_c));
    return groat_check_channels(call, p->channels, p->out_c);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_depthwise_conv_2d_params *p = params;
    return groat_window_scratch_bytes(&p->window);
}

static void segment(const void *context, const int8_t *const *rows, uint32_t tap_stride, int8_t *out, uint32_t pixels)
{
    groat_depthwise_s8 k = *(const groat_depthwise_s8 *)context;
    k.tap_stride = tap_stride;
    groat_kernels.depthwise_s8(&k, rows, out, pixels);
}

static void run(const groat_call *call)
{
    const groat_depthwise_conv_2d_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const groat_depthwise_s8 kernel = {
        .weights = groat_const(call, p->weights),
        .channels = groat_const(call, p->channels),
        .channels_in = w->in_c,
        .multiplier = (uint32_t)(p->out_c / w->in_c),
        .rows = w->kernel_h,
        .taps = w->kernel_w,
        .pixel_stride = (uint32_t)w->stride_w * w->in_c,
        .output_zero_point = p->output_zero_point,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
    groat_for_segments(w, p->input_zero_point, groat_in(call, 0), groat_out(call, 0), p->out_c, groat_scratch(call),
                       segment, &kernel);
}

const groat_op groat_op_depthwise_conv_2d = {check, scratch_bytes, run};
