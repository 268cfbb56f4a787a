/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two int16 tensors, with broadcasting.
 */
#include "../kernels/select.h"
#include "broadcast.h"

static int check(const groat_call *call)
{
    const groat_add_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, GROAT_INT16));
    GROAT_REQUIRE(p->a_shift <= 0 && p->a_shift >= -31 && p->b_shift <= 0 && p->b_shift >= -31);
    GROAT_REQUIRE(p->output_shift <= 0 && p->output_shift >= -31 && p->left_shift >= 0 && p->left_shift <= 15);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

static void segment(const void *kernel, const void *a, uint32_t a_step, const void *b, uint32_t b_step, void *out,
                    uint32_t count)
{
    groat_kernels.add_s16(kernel, a, a_step, b, b_step, out, count);
}

static groat_add_s16 kernel_of(const groat_add_int16_params *p)
{
    return (groat_add_s16){
        .a_multiplier = p->a_multiplier,
        .b_multiplier = p->b_multiplier,
        .output_multiplier = p->output_multiplier,
        .a_shift = p->a_shift,
        .b_shift = p->b_shift,
        .output_shift = p->output_shift,
        .left_shift = p->left_shift,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
}

static void run(const groat_call *call)
{
    const groat_add_int16_params *p = groat_params(call);
    const groat_add_s16 kernel = kernel_of(p);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(int16_t), segment, &kernel);
}

const groat_op groat_op_add_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    const groat_add_s16 kernel = kernel_of(groat_params(call));
    groat_broadcast_part(call, part, segment, &kernel);
}

const groat_row_op groat_row_op_add_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
