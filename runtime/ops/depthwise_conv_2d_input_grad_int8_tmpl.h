/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a depthwise convolution of int8, whose weights are in scratch as real numbers.  Included for
 * each type of dy, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "int8_grad.h"

typedef groat_depthwise_conv_2d_input_grad_int8_float32_params
    float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its scratch; returns how many bytes of scratch there are in front of that. */
static uint64_t prepare(const float_params *p, groat_depthwise_grad_float *k, groat_needs *needs)
{
    const groat_window *w = &p->layer.window;
    k->window = w;
    k->channels_in = w->in_c;
    k->multiplier = (uint32_t)(p->layer.out_c / w->in_c);
    NEEDS(depthwise_input_grad)(k, needs);
    return aligned((uint64_t)w->kernel_h * w->kernel_w * p->layer.out_c * sizeof(ELEMENT));
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->in_c > 0 && p->layer.out_c > 0 && p->layer.out_c % w->in_c == 0);
    GROAT_TRY(check_scales(call, p->scales, p->layer.out_c));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)w->kernel_h * w->kernel_w * p->layer.out_c));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, groat_window_outputs(w, p->layer.out_c)));
    return groat_check_tensor(call, 2, DTYPE, groat_window_inputs(w, w->in_c));
}

static uint32_t scratch_bytes(const void *params)
{
    groat_depthwise_grad_float k;
    groat_needs needs;
    const uint64_t weights_bytes = prepare(params, &k, &needs);
    return groat_saturated(weights_bytes + needs.scratch_bytes);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    const uint32_t weights = (uint32_t)w->kernel_h * w->kernel_w * p->layer.out_c;
    const int8_t *q = groat_in(call, 0);
    const float *scales = groat_const(call, p->scales);
    groat_depthwise_grad_float k;
    groat_needs needs;
    k.scratch = (uint8_t *)groat_scratch(call) + prepare(p, &k, &needs);
    ELEMENT *real = groat_scratch(call);
    for (uint32_t first = 0; first < weights; first += p->layer.out_c) {
        for (uint32_t c = 0; c < p->layer.out_c; c++) {
            real[first + c] = NARROW(scales[c] * (float)q[first + c]);
        }
    }
    const ELEMENT *dy = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t n = 0; n < w->batches; n++) {
        KERNEL(depthwise_input_grad)(&k, real, dy, dx);
        dy += w->out_h * w->out_w * p->layer.out_c;
        dx += w->in_h * w->in_w * w->in_c;
    }
}
