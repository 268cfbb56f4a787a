/* SPDX-License-Identifier: Apache-2.0
 *
 * int16 to float32: scale * x.
 */
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_dequantize_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    return groat_check_tensor(call, 1, GROAT_FLOAT32, p->elements);
}

static void convert(const groat_call *call, const int16_t *in, float *out, uint32_t count)
{
    const groat_dequantize_int16_params *p = groat_params(call);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = p->scale * (float)in[i];
    }
}

static void run(const groat_call *call)
{
    const groat_dequantize_int16_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_dequantize_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_dequantize_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
