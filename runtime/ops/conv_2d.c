/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, grouped or not: a filter for each output channel, over windows of the image.
 */
#include "../kernels/select.h"
#include "window.h"

static int check(const groat_call *call)
{
    const groat_conv_2d_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c));
    GROAT_REQUIRE(p->groups > 0 && p->window.in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    uint32_t filter = (uint32_t)(p->window.in_c / p->groups);
    uint64_t taps = (uint64_t)p->window.kernel_h * p->window.kernel_w;
    GROAT_TRY(groat_check_const(call, p->weights, taps * filter * p->out_c));
    return groat_check_channels(call, p->channels, p->out_c);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_params *p = params;
    return groat_window_scratch_bytes(&p->window);
}

typedef struct conv_context {
    groat_conv_s8 kernel;
    uint32_t groups;
    uint32_t kernel_h;
    uint32_t kernel_w;
    uint32_t in_c;          /* of one group */
} conv_context;

static void segment(const void *context, const int8_t *const *rows, uint32_t tap_stride, int8_t *out, uint32_t pixels)
{
    const conv_context *c = context;
    groat_conv_s8 k = c->kernel;
    /* Taps that lie side by side are one long run. */
    int joined = tap_stride == c->in_c;
    k.taps = joined ? 1 : c->kernel_w;
    k.run = joined ? c->kernel_w * c->in_c : c->in_c;
    k.tap_stride = tap_stride;
    if (c->groups == 1) {
        groat_kernels.conv_s8(&k, rows, out, pixels);
        return;
    }
    /* The row pointers lie in this step's own scratch, so they may be moved along and back. */
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    for (uint32_t g = 0; g < c->groups; g++) {
        groat_kernels.conv_s8(&k, rows, out + g * k.channels_out, pixels);
        k.weights += k.channels_out * c->kernel_h * c->kernel_w * c->in_c;
        k.channels += k.channels_out;
        for (uint32_t r = 0; r < c->kernel_h; r++) {
            moved[r] += c->in_c;
        }
    }
    for (uint32_t r = 0; r < c->kernel_h; r++) {
        moved[r] -= c->groups * c->in_c;
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const conv_context context = {
        .kernel =
            {
                .weights = groat_const(call, p->weights),
                .channels = groat_const(call, p->channels),
                .channels_out = (uint32_t)(p->out_c / p->groups),
                .rows = w->kernel_h,
                .pixel_stride = (uint32_t)w->stride_w * w->in_c,
                .out_stride = p->out_c,
                .output_zero_point = p->output_zero_point,
                .act_min = p->act_min,
                .act_max = p->act_max,
            },
        .groups = p->groups,
        .kernel_h = w->kernel_h,
        .kernel_w = w->kernel_w,
        .in_c = (uint32_t)(w->in_c / p->groups),
    };
    groat_for_segments(w, p->input_zero_point, groat_in(call, 0), groat_out(call, 0), p->out_c, groat_scratch(call),
                       segment, &context);
}

const groat_op groat_op_conv_2d = {check, scratch_bytes, run};
