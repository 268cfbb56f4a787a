/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to float16, rounded to nearest, or back.
 */
#include "../core/op.h"
#include "../kernels/half.h"

static int narrows(const groat_call *call)
{
    return groat_arg_tensor(call, 0)->dtype == GROAT_FLOAT32;
}

static int check(const groat_call *call)
{
    const groat_cast_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, narrows(call) ? GROAT_FLOAT32 : GROAT_FLOAT16, p->elements));
    return groat_check_tensor(call, 1, narrows(call) ? GROAT_FLOAT16 : GROAT_FLOAT32, p->elements);
}

static void run(const groat_call *call)
{
    const groat_cast_params *p = groat_params(call);
    const void *in = groat_in(call, 0);
    void *out = groat_out(call, 0);
    if (narrows(call)) {
        const float *x = in;
        uint16_t *y = out;
        for (uint32_t i = 0; i < p->elements; i++) {
            y[i] = groat_half_of(x[i]);
        }
    } else {
        const uint16_t *x = in;
        float *y = out;
        for (uint32_t i = 0; i < p->elements; i++) {
            y[i] = groat_float_of_half(x[i]);
        }
    }
}

const groat_op groat_op_cast = {check, NULL, run};
