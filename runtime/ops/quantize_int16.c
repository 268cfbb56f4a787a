/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int16: round(x / scale), ties away from zero.
 */
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_quantize_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    GROAT_REQUIRE(p->scale > 0);
    return GROAT_OK;
}

static void convert(const groat_call *call, const float *in, int16_t *out, uint32_t count)
{
    const groat_quantize_int16_params *p = groat_params(call);
    for (uint32_t i = 0; i < count; i++) {
        float q = in[i] / p->scale;
        /* NaN compares false and becomes the lowest value. */
        int32_t y = q >= 32767.0f ? 32767 : INT16_MIN;
        if (q > -32768.0f && q < 32767.0f) {
            /* Adding a half would itself round; what truncation leaves is exact. */
            y = (int32_t)q;
            float rest = q - (float)y;
            y += (rest >= 0.5f) - (rest <= -0.5f);
        }
        out[i] = (int16_t)y;
    }
}

static void run(const groat_call *call)
{
    const groat_quantize_int16_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_quantize_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_quantize_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
