/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of the logistic function, dy * y * (1 - y), or of tanh, dy * (1 - y) * (1 + y), from its output.  Included
 * for each type, by way of as_*.h.
 */
#include "../core/op.h"
#include "../kernels/float.h"

typedef groat_sigmoid_grad_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    for (uint32_t i = 0; i < 3; i++) {
        GROAT_TRY(groat_check_tensor(call, i, DTYPE, p->elements));
    }
    GROAT_REQUIRE(p->tanh <= 1);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *dy = groat_in(call, 0);
    const ELEMENT *y = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        float wide = WIDE(y[i]);
        float slope = (1.0f - wide) * (p->tanh ? 1.0f + wide : wide);
        dx[i] = NARROW(WIDE(dy[i]) * slope);
    }
}
