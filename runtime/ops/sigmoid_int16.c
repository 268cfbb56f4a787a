/* SPDX-License-Identifier: Apache-2.0
 *
 * The logistic function and tanh of int16.
 */
#include "sigmoid_int16.h"

#include "rows.h"

static int check(const groat_call *call)
{
    const groat_sigmoid_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    GROAT_REQUIRE(p->multiplier <= INT16_MAX && p->shift <= 31 && p->tanh <= 1);
    return groat_check_sigmoid_table(call, p->table);
}

static void convert(const groat_call *call, const int16_t *in, int16_t *out, uint32_t count)
{
    const groat_sigmoid_int16_params *p = groat_params(call);
    const uint16_t *table = groat_const(call, p->table);
    for (uint32_t i = 0; i < count; i++) {
        int32_t x = groat_sigmoid_argument(in[i], p->multiplier, p->shift);
        out[i] = p->tanh ? groat_tanh_s16(table, x) : groat_logistic_s16(table, x);
    }
}

static void run(const groat_call *call)
{
    const groat_sigmoid_int16_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_sigmoid_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_sigmoid_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
