/* SPDX-License-Identifier: Apache-2.0
 *
 * The difference of two tensors, with broadcasting.  It is no sum with a negative factor: ties would go to the other side.
 * Included for each type, which defines PARAMS, ELEMENT, DTYPE, SHIFT_MAX, and A_ZERO_POINT(p), B_ZERO_POINT(p) and
 * OUTPUT_ZERO_POINT(p).
 */
#include "../kernels/requantize.h"
#include "broadcast.h"

static int check(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, DTYPE));
    GROAT_REQUIRE(p->a_shift <= 0 && p->a_shift >= -31 && p->b_shift <= 0 && p->b_shift >= -31);
    GROAT_REQUIRE(p->output_shift <= 0 && p->output_shift >= -31 && p->left_shift >= 0 && p->left_shift <= SHIFT_MAX);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

static int32_t scaled(int32_t x, int32_t multiplier, int32_t shift)
{
    return groat_round_shift(groat_mul_high(x, multiplier), -shift);
}

static void segment(const void *params, const void *first, uint32_t a_step, const void *second, uint32_t b_step,
                    void *to, uint32_t count)
{
    const PARAMS *p = params;
    const ELEMENT *a = first, *b = second;
    ELEMENT *out = to;
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t x = scaled((*a - A_ZERO_POINT(p)) * (1 << p->left_shift), p->a_multiplier, p->a_shift);
        int32_t y = scaled((*b - B_ZERO_POINT(p)) * (1 << p->left_shift), p->b_multiplier, p->b_shift);
        int32_t apart = scaled((int32_t)((uint32_t)x - (uint32_t)y), p->output_multiplier, p->output_shift);
        out[i] = (ELEMENT)groat_clamp(groat_add_wrap(apart, OUTPUT_ZERO_POINT(p)), p->act_min, p->act_max);
    }
}

static void run(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(ELEMENT), segment, p);
}

static void part(const groat_call *call, const groat_part *part)
{
    groat_broadcast_part(call, part, segment, groat_params(call));
}
