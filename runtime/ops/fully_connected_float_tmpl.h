/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer of floats: a convolution over one row of one run, with every batch a pixel.  Included for each type, which
 * defines DTYPE, ELEMENT, KERNEL and NEEDS.
 */
#include "../core/op.h"
#include "../kernels/select.h"

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
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return NEEDS(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)p->batches * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, (uint64_t)p->batches * p->out_c));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    groat_conv_float k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    return groat_check_const(call, p->channels, needs.channels_bytes);
}

static uint32_t scratch_bytes(const void *params)
{
    groat_conv_float k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return needs.scratch_bytes < UINT32_MAX ? (uint32_t)needs.scratch_bytes : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const int8_t *in = groat_in(call, 0);
    ELEMENT *out = groat_out(call, 0);
    groat_conv_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    KERNEL(&k, &in, out, p->batches);
}
