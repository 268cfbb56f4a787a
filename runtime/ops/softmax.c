/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over the last dimension, row by row.
 */
#include "../kernels/select.h"
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_softmax_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)p->rows * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, (uint64_t)p->rows * p->depth));
    /* More than 4095 elements of one would overflow their sum in Q12.19. */
    GROAT_REQUIRE(p->depth <= 4095 && p->table_count > 0 && p->table_count <= 256);
    return groat_check_const(call, p->table, (uint64_t)p->table_count * sizeof(int32_t));
}

static void convert(const groat_call *call, const int8_t *in, int8_t *out, uint32_t rows)
{
    const groat_softmax_params *p = groat_params(call);
    const int32_t *table = groat_const(call, p->table);
    for (uint32_t r = 0; r < rows; r++, in += p->depth, out += p->depth) {
        groat_kernels.softmax_s8(table, p->table_count, in, out, p->depth);
    }
}

static void run(const groat_call *call)
{
    const groat_softmax_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->rows);
}

const groat_op groat_op_softmax = {check, NULL, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* Pixels are what it goes over by itself, too. */
static int check_rows(const groat_call *call)
{
    const groat_softmax_params *p = groat_params(call);
    return groat_check_equal_rows(call) && p->depth == groat_arg_tensor(call, 0)->dims[3];
}

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, part->pixels);
}

const groat_row_op groat_row_op_softmax = {check_rows, groat_rows_alike, NULL, part};
