/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer of int16 activations: a convolution over one row of one run, with every batch a pixel.
 */
#include "../kernels/select.h"
#include "../core/op.h"

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const groat_fully_connected_int16_params *p, groat_conv_s16 *k, groat_needs *needs)
{
    k->layout = p->layout;
    k->acc_bits = p->acc_bits;
    k->channels_out = p->out_c;
    k->rows = 1;
    k->taps = 1;
    k->run = p->depth;
    k->tap_stride = p->depth;
    k->pixel_stride = p->depth;
    k->out_stride = p->out_c;
    k->acc_offset = 0;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return groat_kernels.conv_s16_needs(k, needs);
}

static int check(const groat_call *call)
{
    const groat_fully_connected_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, (uint64_t)p->batches * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, (uint64_t)p->batches * p->out_c));
    GROAT_REQUIRE(p->act_min <= p->act_max && (p->acc_bits == 32 || p->acc_bits == 64));
    groat_conv_s16 k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(groat_kernels.conv_s16_check(&k));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    groat_conv_s16 k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return needs.scratch_bytes < UINT32_MAX ? (uint32_t)needs.scratch_bytes : UINT32_MAX;
}

static int64_t sum(const int16_t *x, uint32_t count)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += x[i];
    }
    return total;
}

static void run(const groat_call *call)
{
    const groat_fully_connected_int16_params *p = groat_params(call);
    const int8_t *in = groat_in(call, 0);
    int16_t *out = groat_out(call, 0);
    groat_conv_s16 k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    if (p->weights_zero_point == 0) {
        groat_kernels.conv_s16(&k, &in, out, p->batches);
        return;
    }
    /* sum of (w - z) * x = sum of w * x - z * sum of x. */
    for (uint32_t b = 0; b < p->batches; b++, in += 2 * p->depth, out += p->out_c) {
        k.acc_offset = -p->weights_zero_point * sum((const int16_t *)(const void *)in, p->depth);
        groat_kernels.conv_s16(&k, &in, out, 1);
    }
}

const groat_op groat_op_fully_connected_int16 = {check, scratch_bytes, run};
