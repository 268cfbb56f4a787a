/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int16: round(x / scale), ties away from zero.
 */
#include "../core/op.h"

static int check(const groat_call *call)
{
    const groat_quantize_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    GROAT_REQUIRE(p->scale > 0);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_quantize_int16_params *p = groat_params(call);
    const float *in = groat_in(call, 0);
    int16_t *out = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
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

const groat_op groat_op_quantize_int16 = {check, NULL, run};
