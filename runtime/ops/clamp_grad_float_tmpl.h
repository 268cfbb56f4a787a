/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp: dy where the clamp's output is between its limits, 0 elsewhere.  Included for each type, by
 * way of as_*.h.
 */
#include "../kernels/select.h"
#include "parallel.h"

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

typedef struct clamp_context {
    const groat_call *call;
    uint32_t parts;
} clamp_context;

static void some_elements(const void *context, uint32_t part)
{
    const clamp_context *c = context;
    const float_params *p = groat_params(c->call);
    const groat_elementwise_float kernel = {.act_min = p->act_min, .act_max = p->act_max};
    const groat_share share = groat_share_of(p->elements, part, c->parts);
    const ELEMENT *dy = groat_in(c->call, 0);
    const ELEMENT *y = groat_in(c->call, 1);
    ELEMENT *dx = groat_out(c->call, 0);
    KERNEL(clamp_grad)(&kernel, dy + share.first, y + share.first, dx + share.first, share.end - share.first);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const clamp_context c = {call, groat_parts(call, p->elements)};
    groat_parallel_for(&c, c.parts, some_elements);
}
