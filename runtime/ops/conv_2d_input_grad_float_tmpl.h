/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a convolution of floats, image by image and group by group.  Included for each type, by way of
 * as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"

typedef groat_conv_2d_input_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its scratch, and what it needs. */
static void prepare(const float_params *p, groat_conv_grad_float *k, groat_needs *needs)
{
    k->window = &p->window;
    k->channels_in = (uint32_t)(p->window.in_c / p->groups);
    k->channels_out = (uint32_t)(p->out_c / p->groups);
    k->in_stride = p->window.in_c;
    k->out_stride = p->out_c;
    NEEDS(conv_input_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->groups > 0 && w->in_c % p->groups == 0 && p->out_c % p->groups == 0);
    const uint64_t filter = (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->groups);
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, filter * p->out_c));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, groat_window_outputs(w, p->out_c)));
    return groat_check_tensor(call, 2, DTYPE, groat_window_inputs(w, w->in_c));
}

static uint32_t scratch_bytes(const void *params)
{
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return groat_saturated(needs.scratch_bytes);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    const uint32_t filters = k.channels_out * w->kernel_h * w->kernel_w * k.channels_in;
    const ELEMENT *dy = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t n = 0; n < w->batches; n++) {
        const ELEMENT *weights = groat_in(call, 0);
        for (uint32_t g = 0; g < p->groups; g++) {
            KERNEL(conv_input_grad)(&k, weights, dy, dx);
            weights += filters;
            dy += k.channels_out;
            dx += k.channels_in;
        }
        dy += (w->out_h * w->out_w - 1u) * p->out_c;
        dx += (w->in_h * w->in_w - 1u) * w->in_c;
    }
}
