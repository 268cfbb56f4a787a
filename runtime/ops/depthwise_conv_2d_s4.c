/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution with weights of four bits: they are few, so all are unpacked at once.
 */
#include "../kernels/nibbles.h"
#include "depthwise_conv_2d.h"

static int check(const groat_call *call)
{
    const groat_depthwise_conv_2d_s4_params *params = groat_params(call);
    const groat_depthwise_conv_2d_params *p = &params->s8;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c, GROAT_INT8));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
    groat_depthwise_s8 k;
    groat_needs needs;
    groat_depthwise_conv_2d_kernel(p, &k);
    GROAT_REQUIRE(GROAT_NIBBLES_OF(depthwise_s4_needs)(&k, &needs));
    GROAT_TRY(groat_check_const(call, p->weights, needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, needs.channels_bytes));
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    GROAT_REQUIRE(GROAT_NIBBLES_OF(depthwise_s4_check)(&k));
    return GROAT_OK;
}

/* The unpacked weights, and what comes with int8 ones. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_depthwise_conv_2d_s4_params *p = params;
    groat_depthwise_s8 k;
    groat_needs needs;
    groat_depthwise_conv_2d_kernel(&p->s8, &k);
    GROAT_NIBBLES_OF(depthwise_s4_needs)(&k, &needs);
    uint64_t bytes = needs.scratch_bytes + groat_depthwise_conv_2d_scratch(&p->s8);
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_depthwise_conv_2d_s4_params *params = groat_params(call);
    const groat_depthwise_conv_2d_params *p = &params->s8;
    groat_depthwise_s8 k;
    groat_depthwise_conv_2d_kernel(p, &k);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    k.scratch = groat_scratch(call);
    GROAT_NIBBLES_OF(depthwise_s4_unpack)(&k);
    groat_depthwise_conv_2d_run(call, p, k.weights, k.scratch);
}

const groat_op groat_op_depthwise_conv_2d_s4 = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_depthwise_conv_2d_s4_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->s8.window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_depthwise_conv_2d_s4_params *p = groat_params(call);
    groat_window_rows(&p->s8.window, p->s8.input_zero_point, rows);
}

static uint64_t kernel_bytes(const void *params, uint32_t pixels)
{
    const groat_depthwise_conv_2d_s4_params *p = params;
    groat_depthwise_s8 k;
    groat_needs needs, unpacked;
    groat_depthwise_conv_2d_part_kernel(&p->s8, pixels, &k);
    GROAT_NIBBLES_OF(depthwise_s4_needs)(&k, &needs);
    groat_kernels.depthwise_s8_needs(&k, &unpacked);
    return needs.scratch_bytes + unpacked.scratch_bytes;
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_depthwise_conv_2d_s4_params *p = params;
    return groat_window_part_scratch_bytes(&p->s8.window, unit, kernel_bytes(p, unit->pixels));
}

/* The kernel while it meets a part: its weights are unpacked when the first pixels come. */
typedef struct part_context {
    groat_depthwise_s8 *kernel;
    int *packed;
} part_context;

static void unpack_and_compute(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const part_context *c = context;
    if (*c->packed) {
        GROAT_NIBBLES_OF(depthwise_s4_unpack)(c->kernel);
        *c->packed = 0;
    }
    groat_kernels.depthwise_s8(c->kernel, rows, out, pixels);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_depthwise_conv_2d_s4_params *params = groat_params(call);
    const groat_depthwise_conv_2d_params *p = &params->s8;
    groat_depthwise_s8 k;
    groat_depthwise_conv_2d_part_kernel(p, part->pixels, &k);
    k.weights = groat_const(call, p->weights);
    k.channels = groat_const(call, p->channels);
    int packed = 1;
    const part_context c = {&k, &packed};
    groat_window_part(call, &p->window, p->input_zero_point, part, unpack_and_compute, &c, &k.scratch, kernel_bytes);
}

const groat_row_op groat_row_op_depthwise_conv_2d_s4 = {check_rows, rows, part_scratch_bytes, part};
