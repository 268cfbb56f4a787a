/* SPDX-License-Identifier: Apache-2.0
 *
 * The quotient of two int8 tensors, with broadcasting: the reciprocal of the divisor in Q31, and two products.  What is
 * divided by zero is as far from it as the clamp allows.
 */
#include "../kernels/requantize.h"
#include "../kernels/softmax.h"
#include "broadcast.h"

static int check(const groat_call *call)
{
    const groat_mul_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, GROAT_INT8));
    /* Dividends have at most 9 bits, and are shifted up to 31: from 22 on there would be a shift to the left. */
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 22 && p->act_min <= p->act_max);
    return GROAT_OK;
}

/* a / b times the factor; b is not zero. */
static int32_t quotient(int32_t a, int32_t b, int32_t multiplier, int32_t shift)
{
    uint32_t divisor = (uint32_t)(b < 0 ? -b : b);
    a = b < 0 ? -a : a;
    int32_t zeros = __builtin_clz(divisor), headroom = a == 0 ? 31 : __builtin_clz((uint32_t)(a < 0 ? ~a : a) | 1u) - 1;
    headroom += a == -1; /* whose complement has no bits at all */
    int32_t reciprocal = groat_reciprocal_one_plus((int32_t)((divisor << zeros) - (1u << 31)));
    int32_t whole = groat_mul_high((int32_t)((uint32_t)a << headroom), reciprocal);
    int32_t right = 31 - zeros + headroom - shift;
    return right > 31 ? 0 : groat_round_shift(groat_mul_high(whole, multiplier), right);
}

static void segment(const void *params, const void *first, uint32_t a_step, const void *second, uint32_t b_step,
                    void *to, uint32_t count)
{
    const groat_mul_params *p = params;
    const int8_t *a = first, *b = second;
    int8_t *out = to;
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t x = *a - p->a_zero_point, d = *b - p->b_zero_point;
        int32_t y = d != 0 ? quotient(x, d, p->multiplier, p->shift) : x > 0 ? 1 << 16 : x < 0 ? -(1 << 16) : 0;
        out[i] = (int8_t)groat_clamp(groat_add_wrap(y, p->output_zero_point), p->act_min, p->act_max);
    }
}

static void run(const groat_call *call)
{
    const groat_mul_params *p = groat_params(call);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(int8_t), segment, p);
}

const groat_op groat_op_div = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    groat_broadcast_part(call, part, segment, groat_params(call));
}

const groat_row_op groat_row_op_div = {groat_check_equal_rows, groat_rows_alike, NULL, part};
