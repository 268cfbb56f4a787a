/* SPDX-License-Identifier: Apache-2.0
 *
 * The larger or the smaller of two int8 or int16, with broadcasting.  All have one scale, so that stored values compare.
 */
#include "broadcast.h"

static int check(const groat_call *call)
{
    const groat_maximum_minimum_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    if (dtype != GROAT_INT8 && dtype != GROAT_INT16) {
        return GROAT_E_DTYPE;
    }
    GROAT_REQUIRE(p->minimum <= 1);
    return groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, dtype);
}

static void segment_s8(const void *params, const void *first, uint32_t a_step, const void *second, uint32_t b_step,
                       void *to, uint32_t count)
{
    const int32_t sign = ((const groat_maximum_minimum_params *)params)->minimum ? -1 : 1;
    const int8_t *a = first, *b = second;
    int8_t *out = to;
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        out[i] = sign * *a > sign * *b ? *a : *b;
    }
}

static void segment_s16(const void *params, const void *first, uint32_t a_step, const void *second, uint32_t b_step,
                        void *to, uint32_t count)
{
    const int32_t sign = ((const groat_maximum_minimum_params *)params)->minimum ? -1 : 1;
    const int16_t *a = first, *b = second;
    int16_t *out = to;
    for (uint32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        out[i] = sign * *a > sign * *b ? *a : *b;
    }
}

static groat_binary segment_of(const groat_call *call)
{
    return groat_arg_tensor(call, 0)->dtype == GROAT_INT8 ? segment_s8 : segment_s16;
}

static void run(const groat_call *call)
{
    const groat_maximum_minimum_params *p = groat_params(call);
    uint32_t bytes = groat_dtype_bytes(groat_arg_tensor(call, 0)->dtype);
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, bytes, segment_of(call), p);
}

const groat_op groat_op_maximum_minimum = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    groat_broadcast_part(call, part, segment_of(call), groat_params(call));
}

const groat_row_op groat_row_op_maximum_minimum = {groat_check_equal_rows, groat_rows_alike, NULL, part};
