/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp: dy where the clamp's output is between its limits, 0 elsewhere.  Included for each type, by
 * way of as_*.h.
 */
#include "../core/op.h"
#include "../kernels/select.h"

typedef groat_clamp_grad_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    for (uint32_t i = 0; i < 3; i++) {
        GROAT_TRY(groat_check_tensor(call, i, DTYPE, p->elements));
    }
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_elementwise_float kernel = {.act_min = p->act_min, .act_max = p->act_max};
    KERNEL(clamp_grad)(&kernel, groat_in(call, 0), groat_in(call, 1), groat_out(call, 0), p->elements);
}
