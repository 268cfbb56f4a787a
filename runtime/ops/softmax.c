/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over the last dimension, row by row.
 */
#include "../kernels/select.h"
#include "../core/op.h"

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

static void run(const groat_call *call)
{
    const groat_softmax_params *p = groat_params(call);
    const int32_t *table = groat_const(call, p->table);
    const int8_t *in = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    for (uint32_t r = 0; r < p->rows; r++, in += p->depth, out += p->depth) {
        groat_kernels.softmax_s8(table, p->table_count, in, out, p->depth);
    }
}

const groat_op groat_op_softmax = {check, NULL, run};
