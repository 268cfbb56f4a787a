/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a dense layer of floats.  Included for each type, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"
#include "parallel.h"
#include "update_tmpl.h"

typedef groat_fully_connected_weight_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for factors and scratch, and what it needs. */
static void prepare(const float_params *p, const groat_window *row, groat_conv_grad_float *k, groat_needs *needs)
{
    k->window = row;
    k->channels_in = p->depth;
    k->channels_out = p->out_c;
    k->in_stride = p->depth;
    k->out_stride = p->out_c;
    NEEDS(conv_weight_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_REQUIRE(p->batches > 0 && p->batches <= UINT16_MAX);
    GROAT_TRY(check_update(call, &p->update, DTYPE, (uint64_t)p->out_c * p->depth, p->out_c));
    if (p->update.has_weights) {
        GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)p->batches * p->depth));
    }
    return groat_check_tensor(call, p->update.has_weights, DTYPE, (uint64_t)p->batches * p->out_c);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_window row = groat_row_of_batches(((const float_params *)params)->batches);
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(params, &row, &k, &needs);
    return groat_saturated(needs.scratch_bytes);
}

typedef struct grad_context {
    const groat_call *call;
    groat_conv_grad_float kernel;
    uint32_t scratch_bytes; /* of a part */
    uint32_t parts;
} grad_context;

/* A part: some output channels. */
static void channels_of_layer(const void *context, uint32_t part)
{
    const grad_context *c = context;
    const groat_update *u = &((const float_params *)groat_params(c->call))->update;
    groat_conv_grad_float k = c->kernel;
    k.scratch = groat_part_scratch(c->call, part, c->scratch_bytes);
    const groat_share channels = groat_share_of(k.channels_out, part, c->parts);
    k.channels_out = channels.end - channels.first;
    const ELEMENT *dy = groat_in(c->call, u->has_weights);
    ELEMENT *dw = weight_gradient(c->call, u);
    float *db = bias_gradient(c->call, u);
    KERNEL(conv_weight_grad)(&k, u->has_weights ? groat_in(c->call, 0) : NULL, dy + channels.first,
                             dw != NULL ? dw + channels.first * k.channels_in : NULL,
                             db != NULL ? db + channels.first : NULL);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window row = groat_row_of_batches(p->batches);
    update_factors factors;
    if (!begin_update(call, &p->update, &factors)) {
        return;
    }
    groat_needs needs;
    grad_context c = {.call = call};
    prepare(p, &row, &c.kernel, &needs);
    c.kernel.alpha = factors.alpha;
    c.kernel.beta = factors.beta;
    c.scratch_bytes = groat_saturated(needs.scratch_bytes);
    c.parts = groat_parts_with_scratch(call, p->out_c, c.scratch_bytes);
    groat_parallel_for(&c, c.parts, channels_of_layer);
}
