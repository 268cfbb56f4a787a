/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a depthwise convolution of floats, image by image.  Included for each type, by
 * way of as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"
#include "update_tmpl.h"

typedef groat_depthwise_conv_2d_weight_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for factors and scratch, and what it needs. */
static void prepare(const float_params *p, groat_depthwise_grad_float *k, groat_needs *needs)
{
    k->window = &p->window;
    k->channels_in = p->window.in_c;
    k->multiplier = (uint32_t)(p->out_c / p->window.in_c);
    NEEDS(depthwise_weight_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->in_c > 0 && p->out_c % w->in_c == 0);
    const uint64_t weights = (uint64_t)w->kernel_h * w->kernel_w * p->out_c;
    GROAT_TRY(check_update(call, &p->update, DTYPE, weights, p->out_c));
    if (p->update.has_weights) {
        GROAT_TRY(groat_check_tensor(call, 0, DTYPE, groat_window_inputs(w, w->in_c)));
    }
    return groat_check_tensor(call, p->update.has_weights, DTYPE, groat_window_outputs(w, p->out_c));
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
    update_factors factors;
    if (!begin_update(call, &p->update, &factors)) {
        return;
    }
    groat_depthwise_grad_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.alpha = factors.alpha;
    k.beta = factors.beta;
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    const ELEMENT *x = p->update.has_weights ? groat_in(call, 0) : NULL;
    const ELEMENT *dy = groat_in(call, p->update.has_weights);
    ELEMENT *dw = weight_gradient(call, &p->update);
    float *db = bias_gradient(call, &p->update);
    for (uint32_t n = 0; n < w->batches; n++) {
        KERNEL(depthwise_weight_grad)(&k, x, dy, dw, db);
        k.beta = 1.0f;
        x = x != NULL ? x + w->in_h * w->in_w * w->in_c : NULL;
        dy += w->out_h * w->out_w * p->out_c;
    }
}
