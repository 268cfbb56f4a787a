/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer of floats: a convolution over one row of one run, with every batch a pixel.  Included for each type, which
 * defines DTYPE, ELEMENT, KERNEL and NEEDS.
 */
#include "../kernels/select.h"
#include "float.h"

typedef groat_fully_connected_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const float_params *p, groat_conv_float *k, groat_needs *needs)
{
    k->layout = p->layout;
    k->channels_out = p->out_c;
    k->rows = 1;
    k->taps = 1;
    k->run = p->depth;
    k->tap_stride = p->depth;
    k->pixel_stride = p->depth;
    k->out_stride = p->out_c;
    k->pixels_most = p->batches;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return NEEDS(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_trainable(call, p->layout));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)p->batches * p->depth));
    GROAT_TRY(groat_check_tensor(call, call->step->inputs, DTYPE, (uint64_t)p->batches * p->out_c));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    groat_conv_float k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    const uint64_t weights = (uint64_t)p->out_c * p->depth;
    GROAT_TRY(groat_check_weights(call, DTYPE, weights, p->weights, needs.weights_bytes));
    return groat_check_biases(call, p->out_c, p->channels, needs.channels_bytes);
}

static uint32_t scratch_bytes(const void *params)
{
    groat_conv_float k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return groat_saturated(needs.scratch_bytes);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const int8_t *in = groat_in(call, 0);
    ELEMENT *out = groat_out(call, 0);
    groat_conv_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_weights(call, p->weights);
    k.channels = groat_biases(call, p->channels);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    KERNEL(&k, &in, out, p->batches);
}
