/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer with weights of four bits, computed from the nibbles themselves.
 */
#include "../core/op.h"
#include "../kernels/nibbles.h"

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const groat_fully_connected_params *p, groat_dense_s4 *k, groat_needs *needs)
{
    k->layout = p->layout;
    k->depth = p->depth;
    k->channels_out = p->out_c;
    k->weights_zero_point = p->weights_zero_point;
    k->output_zero_point = p->output_zero_point;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return GROAT_NIBBLES_OF(dense_s4_needs)(k, needs);
}

static int check(const groat_call *call)
{
    const groat_fully_connected_s4_params *params = groat_params(call);
    const groat_fully_connected_params *p = &params->s8;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)p->batches * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, (uint64_t)p->batches * p->out_c));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    groat_dense_s4 k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(GROAT_NIBBLES_OF(dense_s4_check)(&k));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_fully_connected_s4_params *p = params;
    groat_dense_s4 k;
    groat_needs needs;
    prepare(&p->s8, &k, &needs);
    return needs.scratch_bytes < UINT32_MAX ? (uint32_t)needs.scratch_bytes : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_fully_connected_s4_params *params = groat_params(call);
    const groat_fully_connected_params *p = &params->s8;
    const int8_t *x = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    groat_dense_s4 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    for (uint32_t b = 0; b < p->batches; b++, x += p->depth, out += p->out_c) {
        GROAT_NIBBLES_OF(dense_s4)(&k, x, out);
    }
}

const groat_op groat_op_fully_connected_s4 = {check, scratch_bytes, run};
