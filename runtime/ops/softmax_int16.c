/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of int16 over the last dimension, row by row.
 */
#include "../kernels/select.h"
#include "../core/op.h"

enum {
    ENTRIES = 513
};

static int check(const groat_call *call)
{
    const groat_softmax_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, (uint64_t)p->rows * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, (uint64_t)p->rows * p->depth));
    /* More elements would overflow their sum in Q15. */
    GROAT_REQUIRE(p->depth <= UINT16_MAX && p->multiplier >= 0 && p->shift >= -31 && p->shift <= 30);
    GROAT_TRY(groat_check_const(call, p->exp_table, ENTRIES * sizeof(int16_t)));
    GROAT_TRY(groat_check_const(call, p->reciprocal_table, ENTRIES * sizeof(int16_t)));
    const int16_t *exp_table = groat_const(call, p->exp_table);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        GROAT_REQUIRE(exp_table[i] >= 2);
    }
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_softmax_int16_params *p = groat_params(call);
    const groat_softmax_s16 kernel = {
        .exp_table = groat_const(call, p->exp_table),
        .reciprocal_table = groat_const(call, p->reciprocal_table),
        .multiplier = p->multiplier,
        .shift = p->shift,
    };
    const int16_t *in = groat_in(call, 0);
    int16_t *out = groat_out(call, 0);
    for (uint32_t r = 0; r < p->rows; r++, in += p->depth, out += p->depth) {
        groat_kernels.softmax_s16(&kernel, in, out, p->depth);
    }
}

const groat_op groat_op_softmax_int16 = {check, NULL, run};
