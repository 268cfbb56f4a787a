/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer: a convolution over one row of one run, with every batch a pixel.
 */
#include "../core/op.h"
#include "fully_connected.h"

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const groat_fully_connected_params *p, groat_conv_s8 *k, groat_needs *needs)
{
    groat_fully_connected_kernel(p, k);
    needs->more_rows = 0;
    return groat_kernels.conv_s8_needs(k, needs) && needs->more_rows == 0;
}

static int check(const groat_call *call)
{
    const groat_fully_connected_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)p->batches * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, (uint64_t)p->batches * p->out_c));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    groat_conv_s8 k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(groat_kernels.conv_s8_check(&k));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    groat_conv_s8 k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return needs.scratch_bytes < UINT32_MAX ? (uint32_t)needs.scratch_bytes : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_fully_connected_params *p = groat_params(call);
    groat_conv_s8 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    groat_fully_connected_run(p, &k, groat_in(call, 0), groat_out(call, 0));
}

const groat_op groat_op_fully_connected = {check, scratch_bytes, run};
