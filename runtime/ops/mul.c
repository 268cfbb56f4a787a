/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two tensors, with broadcasting.
 */
#include "../kernels/select.h"
#include "broadcast.h"

static int check(const groat_call *call)
{
    const groat_mul_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, GROAT_INT8));
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30 && p->act_min <= p->act_max);
    return GROAT_OK;
}

static void segment(const void *kernel, const void *first, uint32_t a_step, const void *second, uint32_t b_step,
                    void *to, uint32_t count)
{
    groat_kernels.mul_s8(kernel, first, a_step, second, b_step, to, count);
}

static groat_mul_s8 kernel_of(const groat_mul_params *p)
{
    return (groat_mul_s8){
        .multiplier = p->multiplier,
        .shift = p->shift,
        .a_zero_point = p->a_zero_point,
        .b_zero_point = p->b_zero_point,
        .output_zero_point = p->output_zero_point,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
}

static void run(const groat_call *call)
{
    const groat_mul_params *p = groat_params(call);
    const groat_mul_s8 kernel = kernel_of(p);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(int8_t), segment, &kernel);
}

const groat_op groat_op_mul = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    const groat_mul_s8 kernel = kernel_of(groat_params(call));
    groat_broadcast_part(call, part, segment, &kernel);
}

const groat_row_op groat_row_op_mul = {groat_check_equal_rows, groat_rows_alike, NULL, part};
