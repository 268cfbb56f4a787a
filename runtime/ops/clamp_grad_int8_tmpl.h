/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of an int8 op's clamp: dy where its output is between its limits, 0 elsewhere.  Included for each type of
 * dy, by way of as_*.h.
 */
#include "../core/op.h"

typedef groat_clamp_grad_int8_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, p->elements));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return groat_check_tensor(call, 2, DTYPE, p->elements);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *dy = groat_in(call, 0);
    const int8_t *y = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        dx[i] = p->act_min < y[i] && y[i] < p->act_max ? dy[i] : NARROW(0.0f);
    }
}
