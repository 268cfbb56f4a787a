/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of two tensors of floats, with broadcasting.  Included for each type, which defines DTYPE, ELEMENT, WIDE and
 * NARROW.
 */
#include "../kernels/float.h"
#include "broadcast.h"

typedef groat_binary_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_add_float32_params *o = &p->operands;
    GROAT_TRY(groat_check_broadcast(call, o->dims, o->a_strides, o->b_strides, DTYPE));
    GROAT_REQUIRE(o->act_min <= o->act_max && p->function < GROAT_BINARY_COUNT);
    return GROAT_OK;
}

static float combine(uint8_t function, float a, float b)
{
    switch (function) {
    case GROAT_BINARY_SUB:
        return a - b;
    case GROAT_BINARY_DIV:
        return a / b;
    case GROAT_BINARY_MAXIMUM:
        return a > b || a != a ? a : b;
    default: /* GROAT_BINARY_MINIMUM */
        return a < b || a != a ? a : b;
    }
}

static void row(const void *params, const void *a, uint32_t a_step, const void *b, uint32_t b_step, void *out,
                uint32_t count)
{
    const float_params *p = params;
    const ELEMENT *left = a, *right = b;
    ELEMENT *y = out;
    for (uint32_t i = 0; i < count; i++, left += a_step, right += b_step) {
        float value = combine(p->function, WIDE(*left), WIDE(*right));
        y[i] = NARROW(groat_clamp_float(value, p->operands.act_min, p->operands.act_max));
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_add_float32_params *o = &p->operands;
    groat_broadcast(call, o->dims, o->a_strides, o->b_strides, sizeof(ELEMENT), row, p);
}
