/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a depthwise convolution of floats, image by image.  Included for each type, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"

typedef groat_depthwise_conv_2d_input_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its scratch, and what it needs. */
static void prepare(const float_params *p, groat_depthwise_grad_float *k, groat_needs *needs)
{
    k->window = &p->window;
    k->channels_in = p->window.in_c;
    k->multiplier = (uint32_t)(p->out_c / p->window.in_c);
    NEEDS(depthwise_input_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->in_c > 0 && p->out_c % w->in_c == 0);
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)w->kernel_h * w->kernel_w * p->out_c));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, groat_window_outputs(w, p->out_c)));
    return groat_check_tensor(call, 2, DTYPE, groat_window_inputs(w, w->in_c));
}

static uint32_t scratch_bytes(const void *params)
{
    groat_depthwise_grad_float k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return groat_saturated(needs.scratch_bytes);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    groat_depthwise_grad_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    const ELEMENT *dy = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t n = 0; n < w->batches; n++) {
        KERNEL(depthwise_input_grad)(&k, groat_in(call, 0), dy, dx);
        dy += w->out_h * w->out_w * p->out_c;
        dx += w->in_h * w->in_w * w->in_c;
    }
}
