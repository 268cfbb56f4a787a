/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a convolution of floats, image by image and group by group.  Included for each
 * type, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"
#include "update_tmpl.h"

typedef groat_conv_2d_weight_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for factors and scratch, and what it needs. */
static void prepare(const float_params *p, groat_conv_grad_float *k, groat_needs *needs)
{
    k->window = &p->window;
    k->channels_in = (uint32_t)(p->window.in_c / p->groups);
    k->channels_out = (uint32_t)(p->out_c / p->groups);
    k->in_stride = p->window.in_c;
    k->out_stride = p->out_c;
    NEEDS(conv_weight_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->groups > 0 && w->in_c % p->groups == 0 && p->out_c % p->groups == 0);
    const uint64_t filter = (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->groups);
    GROAT_TRY(check_update(call, &p->update, DTYPE, filter * p->out_c, p->out_c));
    if (p->update.has_weights) {
        GROAT_TRY(groat_check_tensor(call, 0, DTYPE, groat_window_inputs(w, w->in_c)));
    }
    return groat_check_tensor(call, p->update.has_weights, DTYPE, groat_window_outputs(w, p->out_c));
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
    update_factors factors;
    if (!begin_update(call, &p->update, &factors)) {
        return;
    }
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.alpha = factors.alpha;
    k.beta = factors.beta;
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    const uint32_t filters = k.channels_out * w->kernel_h * w->kernel_w * k.channels_in;
    const ELEMENT *x = p->update.has_weights ? groat_in(call, 0) : NULL;
    const ELEMENT *dy = groat_in(call, p->update.has_weights);
    for (uint32_t n = 0; n < w->batches; n++) {
        ELEMENT *dw = weight_gradient(call, &p->update);
        float *db = bias_gradient(call, &p->update);
        for (uint32_t g = 0; g < p->groups; g++) {
            KERNEL(conv_weight_grad)(&k, x, dy, dw, db);
            x = x != NULL ? x + k.channels_in : NULL;
            dw = dw != NULL ? dw + filters : NULL;
            db = db != NULL ? db + k.channels_out : NULL;
            dy += k.channels_out;
        }
        k.beta = 1.0f;
        x = x != NULL ? x + (w->in_h * w->in_w - 1u) * w->in_c : NULL;
        dy += (w->out_h * w->out_w - 1u) * p->out_c;
    }
}
