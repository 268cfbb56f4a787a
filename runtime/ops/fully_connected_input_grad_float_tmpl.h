/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a dense layer of floats.  Included for each type, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"

typedef groat_fully_connected_input_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its scratch, and what it needs. */
static void prepare(const float_params *p, const groat_window *row, groat_conv_grad_float *k, groat_needs *needs)
{
    k->window = row;
    k->channels_in = p->depth;
    k->channels_out = p->out_c;
    k->in_stride = p->depth;
    k->out_stride = p->out_c;
    NEEDS(conv_input_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_REQUIRE(p->batches > 0 && p->batches <= UINT16_MAX);
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)p->out_c * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, (uint64_t)p->batches * p->out_c));
    return groat_check_tensor(call, 2, DTYPE, (uint64_t)p->batches * p->depth);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_window row = groat_row_of_batches(((const float_params *)params)->batches);
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(params, &row, &k, &needs);
    return groat_saturated(needs.scratch_bytes);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window row = groat_row_of_batches(p->batches);
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(p, &row, &k, &needs);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    KERNEL(conv_input_grad)(&k, groat_in(call, 0), groat_in(call, 1), groat_out(call, 0));
}
