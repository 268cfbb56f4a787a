/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two tensors, with broadcasting.
 */
#include "../kernels/requantize.h"
#include "broadcast.h"

static int check(const groat_call *call)
{
    const groat_mul_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides));
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30 && p->act_min <= p->act_max);
    return GROAT_OK;
}

static void row(const void *kernel, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step, int8_t *out,
                uint32_t count)
{
    const groat_mul_params *p = kernel;
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t product = (*a - p->a_zero_point) * (*b - p->b_zero_point);
        int32_t y = groat_requantize(product, p->multiplier, p->shift);
        out[i] = (int8_t)groat_clamp(groat_add_wrap(y, p->output_zero_point), p->act_min, p->act_max);
    }
}

static void run(const groat_call *call)
{
    const groat_mul_params *p = groat_params(call);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, row, p);
}

const groat_op groat_op_mul = {check, NULL, run};
