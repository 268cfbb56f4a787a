/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a ReLU of block floating point; its exponent is that of dy.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_relu_grad_bfp16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    for (uint32_t i = 0; i < 3; i++) {
        GROAT_TRY(groat_check_tensor(call, i, GROAT_INT16, p->elements));
    }
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_relu_grad_bfp16_params *p = groat_params(call);
    const int16_t *dy = groat_in(call, 0);
    const int16_t *y = groat_in(call, 1);
    int16_t *dx = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        dx[i] = y[i] > 0 ? dy[i] : 0;
    }
}

const groat_op groat_op_relu_grad_bfp16 = {check, NULL, run};
