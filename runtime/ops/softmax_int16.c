/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of int16 over the last dimension, row by row.
 */
#include "../kernels/select.h"
#include "rows.h"

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

static void convert(const groat_call *call, const int16_t *in, int16_t *out, uint32_t rows)
{
    const groat_softmax_int16_params *p = groat_params(call);
    const groat_softmax_s16 kernel = {
        .exp_table = groat_const(call, p->exp_table),
        .reciprocal_table = groat_const(call, p->reciprocal_table),
        .multiplier = p->multiplier,
        .shift = p->shift,
    };
    for (uint32_t r = 0; r < rows; r++, in += p->depth, out += p->depth) {
        groat_kernels.softmax_s16(&kernel, in, out, p->depth);
    }
}

static void run(const groat_call *call)
{
    const groat_softmax_int16_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->rows);
}

const groat_op groat_op_softmax_int16 = {check, NULL, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* Pixels are what it goes over by itself, too. */
static int check_rows(const groat_call *call)
{
    const groat_softmax_int16_params *p = groat_params(call);
    return groat_check_equal_rows(call) && p->depth == groat_arg_tensor(call, 0)->dims[3];
}

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, part->pixels);
}

const groat_row_op groat_row_op_softmax_int16 = {check_rows, groat_rows_alike, NULL, part};
