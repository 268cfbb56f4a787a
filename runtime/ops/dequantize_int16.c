/* SPDX-License-Identifier: Apache-2.0
 *
 * int16 to float32: scale * x.
 */
#include "../core/op.h"

static int check(const groat_call *call)
{
    const groat_dequantize_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    return groat_check_tensor(call, 1, GROAT_FLOAT32, p->elements);
}

static void run(const groat_call *call)
{
    const groat_dequantize_int16_params *p = groat_params(call);
    const int16_t *in = groat_in(call, 0);
    float *out = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        out[i] = p->scale * (float)in[i];
    }
}

const groat_op groat_op_dequantize_int16 = {check, NULL, run};
