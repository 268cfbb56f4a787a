/* SPDX-License-Identifier: Apache-2.0
 *
 * A sum or product of two tensors of floats, with broadcasting.  Included for each and for each type, which defines
 * DTYPE, ELEMENT and KERNEL.
 */
#include "../kernels/select.h"
#include "broadcast.h"

typedef groat_add_float32_params float_params; /* the fields are the same for every operation and type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, DTYPE));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

static void row(const void *kernel, const void *a, uint32_t a_step, const void *b, uint32_t b_step, void *out,
                uint32_t count)
{
    KERNEL(kernel, a, a_step, b, b_step, out, count);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_elementwise_float kernel = {.act_min = p->act_min, .act_max = p->act_max};
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(ELEMENT), row, &kernel);
}
