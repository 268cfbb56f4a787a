/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of block floating point, as float32.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_softmax_bfp16_params *p = groat_params(call);
    const uint64_t elements = (uint64_t)p->rows * p->depth;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_REQUIRE(p->depth > 0 && p->depth <= INT16_MAX);
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
    return groat_check_tensor(call, 2, GROAT_FLOAT32, elements);
}

static void run(const groat_call *call)
{
    const groat_softmax_bfp16_params *p = groat_params(call);
    const int16_t *x = groat_in(call, 0);
    const int32_t exponent = groat_exponent_in(call, 1);
    uint32_t *y = groat_out(call, 0);
    const int finite = exponent != GROAT_BFP_NOT_FINITE;
    for (uint32_t r = 0; r < p->rows; r++, x += p->depth, y += p->depth) {
        const groat_bfp_row row = groat_bfp_row_of(x, p->depth, finite ? exponent : 0);
        for (uint32_t i = 0; i < p->depth; i++) {
            y[i] = finite ? groat_float_bits(groat_bfp_share(&row, i), -15) : GROAT_FLOAT_NAN;
        }
    }
}

const groat_op groat_op_softmax_bfp16 = {check, NULL, run};
