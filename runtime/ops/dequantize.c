/* SPDX-License-Identifier: Apache-2.0
 *
 * int8 to float32: scale * (x - zero_point).
 */
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_dequantize_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, p->elements));
    GROAT_REQUIRE(p->zero_point >= INT8_MIN && p->zero_point <= INT8_MAX);
    return GROAT_OK;
}

static void convert(const groat_dequantize_params *p, const int8_t *in, float *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = p->scale * (float)(in[i] - p->zero_point);
    }
}

static void run(const groat_call *call)
{
    const groat_dequantize_params *p = groat_params(call);
    convert(p, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_dequantize = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(groat_params(call), groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_dequantize = {groat_check_equal_rows, groat_rows_alike, NULL, part};
