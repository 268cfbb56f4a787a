/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to block floating point, by its bits.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_quantize_bfp16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 2));
    GROAT_TRY(groat_check_bits(p->bits));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    return groat_check_tensor(call, 2, GROAT_INT32, 1);
}

/* The exponent field; 1 for subnormal numbers, whose fraction counts from the same place. */
static uint32_t field_of(uint32_t bits)
{
    const uint32_t field = bits >> 23 & 0xFFu;
    return field > 0 ? field : 1;
}

static void run(const groat_call *call)
{
    const groat_quantize_bfp16_params *p = groat_params(call);
    const float *x = groat_in(call, 0);
    int16_t *y = groat_out(call, 0);
    int32_t *exponent = groat_out(call, 1);
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->elements; i++) {
        const uint32_t bits = groat_bits_of(x[i]) & INT32_MAX;
        most = most < bits ? bits : most;
    }
    if (most >= GROAT_FLOAT_INFINITE) {
        groat_bfp_not_finite(y, p->elements, exponent);
        return;
    }
    const uint32_t field = field_of(most);
    *exponent = most == 0 ? 0 : (int32_t)field - 126 - p->bits;
    for (uint32_t i = 0; i < p->elements; i++) {
        const uint32_t bits = groat_bits_of(x[i]);
        const uint32_t hidden = (bits & GROAT_FLOAT_INFINITE) != 0 ? 0x800000u : 0;
        const int32_t fraction = (int32_t)((bits & 0x7FFFFFu) | hidden);
        const uint32_t shift = field - field_of(bits) + 24u - p->bits;
        y[i] = shift < 32u ? groat_mantissa(bits >> 31 != 0 ? -fraction : fraction, shift, p->bits) : 0;
    }
}

const groat_op groat_op_quantize_bfp16 = {check, NULL, run};
