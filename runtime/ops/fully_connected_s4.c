/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer with weights of four bits: FULLY_CONNECTED block by block of output channels.
 */
#include "blocks.h"
#include "fully_connected.h"

static int prepare(const groat_fully_connected_s4_params *p, groat_blocks *b)
{
    groat_fully_connected_kernel(&p->s8, &b->kernel);
    b->groups = 1;
    b->block = p->block;
    return groat_prepare_blocks(b);
}

static int check(const groat_call *call)
{
    const groat_fully_connected_s4_params *params = groat_params(call);
    const groat_fully_connected_params *p = &params->s8;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)p->batches * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, (uint64_t)p->batches * p->out_c));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    groat_blocks b;
    GROAT_REQUIRE(prepare(params, &b));
    return groat_check_blocks(call, &b, p->weights, p->channels);
}

static uint32_t scratch_bytes(const void *params)
{
    groat_blocks b;
    prepare(params, &b);
    return b.scratch_bytes < UINT32_MAX ? (uint32_t)b.scratch_bytes : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_fully_connected_s4_params *params = groat_params(call);
    const groat_fully_connected_params *p = &params->s8;
    groat_blocks b;
    prepare(params, &b);
    for (groat_block at = {0, 0, p->weights, p->channels}; groat_more_blocks(&b, &at); groat_next_block(&b, &at)) {
        groat_conv_s8 k = groat_kernel_of_block(call, &b, &at);
        k.scratch = groat_scratch(call);
        GROAT_NIBBLES_OF(conv_s4_unpack)(&k);
        groat_fully_connected_run(p, &k, groat_in(call, 0), (int8_t *)groat_out(call, 0) + at.first);
    }
}

const groat_op groat_op_fully_connected_s4 = {check, scratch_bytes, run};
