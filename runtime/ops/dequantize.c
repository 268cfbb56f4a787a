/* SPDX-License-Identifier: Apache-2.0
 *
 * int8 to float32: scale * (x - zero_point).
 */
#include "../core/op.h"

static int check(const groat_call *call)
{
    const groat_dequantize_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, p->elements));
    GROAT_REQUIRE(p->zero_point >= INT8_MIN && p->zero_point <= INT8_MAX);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_dequantize_params *p = groat_params(call);
    const int8_t *in = groat_in(call, 0);
    float *out = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        out[i] = p->scale * (float)(in[i] - p->zero_point);
    }
}

const groat_op groat_op_dequantize = {check, NULL, run};
