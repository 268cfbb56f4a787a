/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a convolution of floats, image by image and group by group.  Included for each
 * type, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"
#include "parallel.h"
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

typedef struct grad_context {
    const groat_call *call;
    groat_conv_grad_float kernel;
    uint32_t scratch_bytes; /* of a part */
    uint32_t parts;
} grad_context;

/* A part: some output channels of each group. */
static void channels_of_groups(const void *context, uint32_t part)
{
    const grad_context *c = context;
    const groat_call *call = c->call;
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const uint32_t filter = w->kernel_h * w->kernel_w * c->kernel.channels_in;
    groat_conv_grad_float k = c->kernel;
    k.scratch = groat_part_scratch(call, part, c->scratch_bytes);
    const groat_share channels = groat_share_of(k.channels_out, part, c->parts);
    k.channels_out = channels.end - channels.first;
    const ELEMENT *x = p->update.has_weights ? groat_in(call, 0) : NULL;
    const ELEMENT *dy = groat_in(call, p->update.has_weights);
    for (uint32_t n = 0; n < w->batches; n++) {
        ELEMENT *dw = weight_gradient(call, &p->update);
        float *db = bias_gradient(call, &p->update);
        for (uint32_t g = 0; g < p->groups; g++) {
            const uint32_t first = g * c->kernel.channels_out + channels.first;
            KERNEL(conv_weight_grad)(&k, x != NULL ? x + g * k.channels_in : NULL, dy + first,
                                     dw != NULL ? dw + first * filter : NULL, db != NULL ? db + first : NULL);
        }
        k.beta = 1.0f;
        x = x != NULL ? x + w->in_h * w->in_w * w->in_c : NULL;
        dy += w->out_h * w->out_w * p->out_c;
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    update_factors factors;
    if (!begin_update(call, &p->update, &factors)) {
        return;
    }
    groat_needs needs;
    grad_context c = {.call = call};
    prepare(p, &c.kernel, &needs);
    c.kernel.alpha = factors.alpha;
    c.kernel.beta = factors.beta;
    c.scratch_bytes = groat_saturated(needs.scratch_bytes);
    c.parts = groat_parts_with_scratch(call, c.kernel.channels_out, c.scratch_bytes);
    groat_parallel_for(&c, c.parts, channels_of_groups);
}
