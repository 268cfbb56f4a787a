/* SPDX-License-Identifier: Apache-2.0
 *
 * Block floating point to float32, by its bits.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_dequantize_bfp16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
    return groat_check_tensor(call, 2, GROAT_FLOAT32, p->elements);
}

static void run(const groat_call *call)
{
    const groat_dequantize_bfp16_params *p = groat_params(call);
    const int16_t *x = groat_in(call, 0);
    const int32_t exponent = groat_exponent_in(call, 1);
    uint32_t *y = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        const uint32_t sign = x[i] < 0 ? UINT32_C(0x80000000) : 0;
        const int finite = exponent != GROAT_BFP_NOT_FINITE;
        y[i] = finite ? sign | groat_float_bits(groat_magnitude(x[i]), exponent) : GROAT_FLOAT_NAN;
    }
}

const groat_op groat_op_dequantize_bfp16 = {check, NULL, run};
