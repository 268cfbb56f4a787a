/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution whose int8 weights are a tensor, in the order of the model, and its int32 biases perhaps another.
 *
 * What kernels are given of a channel depends on its weights (the zero point of the input is folded into the bias), and is
 * made anew in each run.
 */
#include "../kernels/select.h"
#include "conv_2d.h"
#include "trained.h"
#include "window.h"

static groat_conv_s8 kernel_of(const groat_conv_2d_params *p)
{
    groat_conv_s8 k;
    groat_conv_2d_kernel(p, &k);
    return k;
}

static uint32_t filter_of(const groat_conv_2d_params *p)
{
    return (uint32_t)p->window.kernel_h * p->window.kernel_w * (p->window.in_c / p->groups);
}

static int check(const groat_call *call)
{
    const groat_conv_2d_trained_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->conv;
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->groups > 0 && w->in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max && p->layout == 0);
    GROAT_TRY(groat_check_trained(call, (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->groups) * p->out_c,
                                  p->out_c, p->channels));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)w->batches * w->in_h * w->in_w * w->in_c));
    return groat_check_tensor(call, call->step->inputs, GROAT_INT8,
                              (uint64_t)w->batches * w->out_h * w->out_w * p->out_c);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_trained_params *p = params;
    const uint32_t channels = (uint32_t)(p->conv.out_c / p->conv.groups);
    return groat_window_scratch_bytes(&p->conv.window, channels * sizeof(groat_channel));
}

/* A group, and how far into a pixel its inputs begin. */
typedef struct group_context {
    groat_conv_s8 kernel;
    uint32_t in_offset;
} group_context;

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const group_context *c = context;
    /* The row pointers lie in this step's own scratch, so they may be moved along and back. */
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    for (uint32_t r = 0; r < c->kernel.rows; r++) {
        moved[r] += c->in_offset;
    }
    groat_conv_s8_ref(&c->kernel, rows, out, pixels);
    for (uint32_t r = 0; r < c->kernel.rows; r++) {
        moved[r] -= c->in_offset;
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_trained_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->conv;
    const uint32_t filter = filter_of(p);
    group_context c = {.kernel = kernel_of(p)};
    const uint32_t count = c.kernel.channels_out;
    groat_channel *channels = groat_window_kernel_scratch(&p->window, groat_scratch(call));
    c.kernel.channels = channels;
    for (uint32_t group = 0; group < p->groups; group++) {
        const uint32_t first = group * count;
        const int8_t *weights = (const int8_t *)groat_in(call, 1) + first * filter;
        groat_trained_channels(call, p->channels, first, channels, count);
        for (uint32_t o = 0; o < count; o++) {
            const uint32_t sum = (uint32_t)groat_sum_of_weights(weights + o * filter, filter);
            channels[o].bias = (int32_t)((uint32_t)channels[o].bias - (uint32_t)p->input_zero_point * sum);
        }
        c.kernel.weights = weights;
        c.in_offset = group * (p->window.in_c / p->groups);
        groat_for_segments(&p->window, p->input_zero_point, groat_in(call, 0), (int8_t *)groat_out(call, 0) + first,
                           p->out_c, groat_scratch(call), segment, &c);
    }
}

const groat_op groat_op_conv_2d_trained = {check, scratch_bytes, run};
