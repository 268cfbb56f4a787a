/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution whose int8 weights are a tensor, in the order of the model, and its int32 biases perhaps another.
 */
#include "depthwise_conv_2d.h"
#include "trained.h"

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_trained_params *params = groat_params(call);
    const groat_depthwise_conv_2d_params *p = &params->depthwise;
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->in_c > 0 && p->out_c % w->in_c == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max && p->layout == 0);
    GROAT_TRY(groat_check_trained(call, (uint64_t)w->kernel_h * w->kernel_w * p->out_c, p->out_c, p->channels));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)w->batches * w->in_h * w->in_w * w->in_c));
    return groat_check_tensor(call, call->step->inputs, GROAT_INT8,
                              (uint64_t)w->batches * w->out_h * w->out_w * p->out_c);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_depthwise_conv_2d_trained_params *p = params;
    return groat_window_scratch_bytes(&p->depthwise.window, (uint64_t)p->depthwise.out_c * sizeof(groat_channel));
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_depthwise_s8_ref(context, rows, out, pixels);
}

static void run(const groat_call *call)
{
    const groat_depthwise_conv_2d_trained_params *params = groat_params(call);
    const groat_depthwise_conv_2d_params *p = &params->depthwise;
    const groat_window *w = &p->window;
    groat_channel *channels = groat_window_kernel_scratch(w, groat_scratch(call));
    groat_trained_channels(call, p->channels, 0, channels, p->out_c);
    const int8_t *weights = groat_in(call, 1);
    for (uint32_t tap = 0; tap < (uint32_t)w->kernel_h * w->kernel_w; tap++, weights += p->out_c) {
        for (uint32_t o = 0; o < p->out_c; o++) {
            const uint32_t product = (uint32_t)(p->input_zero_point * weights[o]);
            channels[o].bias = (int32_t)((uint32_t)channels[o].bias - product);
        }
    }
    groat_depthwise_s8 k;
    groat_depthwise_conv_2d_kernel(p, &k);
    k.weights = groat_in(call, 1);
    k.channels = channels;
    groat_for_segments(w, p->input_zero_point, groat_in(call, 0), groat_out(call, 0), p->out_c, groat_scratch(call),
                       segment, &k);
}

const groat_op groat_op_depthwise_conv_2d_trained = {check, scratch_bytes, run};
