/* SPDX-License-Identifier: Apache-2.0
 *
 * MY_OP in one sentence: each channel times a constant of its own.
 *
 * A template: copy it to runtime/ops/my_op.c, put your op's name for my_op, and replace what it computes.
 * Its row in ops.def would be
 *
 *     x[pixels, channels], weights -> y[pixels, channels], int8
 *     GROAT_OP(<next free id>, MY_OP, my_op, GROAT_INPLACE, {
 *         uint32_t weights;           int8 [channels]
 *         uint32_t pixels;
 *         uint32_t channels;
 *         int32_t multiplier;
 *         int8_t shift;
 *         int8_t input_zero_point;
 *         int8_t output_zero_point;
 *         uint8_t reserved;           zero
 *     })
 */
#include "../core/op.h"
#include "../kernels/requantize.h"

/* Accepts only what `run` can execute without leaving its tensors, constants and scratch.  The parameters come
 * from a file that may be damaged: every number that `run` uses as an index, a length or a shift is checked here. */
static int check(const groat_call *call)
{
    const groat_my_op_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint64_t elements = (uint64_t)p->pixels * p->channels;
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, elements));
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30);
    return groat_check_const(call, p->weights, p->channels);
}

static void run(const groat_call *call)
{
    const groat_my_op_params *p = groat_params(call);
    const int8_t *weights = groat_const(call, p->weights);
    const int8_t *in = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    for (uint32_t i = 0; i < p->pixels; i++) {
        for (uint32_t c = 0; c < p->channels; c++) {
            int32_t y = groat_requantize((*in++ - p->input_zero_point) * weights[c], p->multiplier, p->shift);
            *out++ = (int8_t)groat_clamp(groat_add_wrap(y, p->output_zero_point), INT8_MIN, INT8_MAX);
        }
    }
}

/* The second field says how many bytes of scratch the op needs for given parameters; NULL means none. */
const groat_op groat_op_my_op = {check, NULL, run};
