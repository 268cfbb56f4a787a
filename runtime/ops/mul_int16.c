/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two int16 tensors, with broadcasting.
 */
#include "../kernels/requantize.h"
#include "broadcast.h"

static int check(const groat_call *call)
{
    const groat_mul_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, GROAT_INT16));
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30 && p->act_min <= p->act_max);
    return GROAT_OK;
}

static void segment(const void *kernel, const void *first, uint32_t a_step, const void *second, uint32_t b_step,
                    void *to, uint32_t count)
{
    const groat_mul_int16_params *p = kernel;
    const int16_t *a = first;
    const int16_t *b = second;
    int16_t *out = to;
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        int32_t y = groat_requantize(*a * *b, p->multiplier, p->shift);
        out[i] = (int16_t)groat_clamp(y, p->act_min, p->act_max);
    }
}

static void run(const groat_call *call)
{
    const groat_mul_int16_params *p = groat_params(call);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(int16_t), segment, p);
}

const groat_op groat_op_mul_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    groat_broadcast_part(call, part, segment, groat_params(call));
}

const groat_row_op groat_row_op_mul_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
