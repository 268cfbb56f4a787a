/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int8: round(x / scale) + zero_point, ties away from zero.
 */
#include "../core/op.h"

static int check(const groat_call *call)
{
    const groat_quantize_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, p->elements));
    GROAT_REQUIRE(p->scale > 0 && p->zero_point >= INT8_MIN && p->zero_point <= INT8_MAX);
    return GROAT_OK;
}

/* To the nearest integer, ties away from zero.  Adding a half would itself round; what truncation leaves is exact. */
static int32_t round_half_away(float q)
{
    int32_t whole = (int32_t)q;
    float rest = q - (float)whole;
    return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

static void run(const groat_call *call)
{
    const groat_quantize_params *p = groat_params(call);
    const float *in = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        float q = in[i] / p->scale;
        /* Beyond +-256 every zero point saturates; NaN compares false and becomes the lowest value. */
        int32_t y = q > 256.0f ? 256 : q > -256.0f ? round_half_away(q) : -256;
        y += p->zero_point;
        out[i] = (int8_t)(y < INT8_MIN ? INT8_MIN : y > INT8_MAX ? INT8_MAX : y);
    }
}

const groat_op groat_op_quantize = {check, NULL, run};
