/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of matrices that are both computed, int16, with accumulators of 64 bits.
 */
#include "../kernels/requantize.h"
#include "matrices.h"

enum {
    AXIS = GROAT_BATCH_AXES /* of rows, or of depth */
};

static int check(const groat_call *call)
{
    const groat_matmul_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_matrices(call, &p->matrices, GROAT_INT16));
    GROAT_REQUIRE(p->multiplier >= 0 && p->multiplier <= INT16_MAX && p->shift >= -31 && p->shift <= 14);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_matmul_int16_params *p = groat_params(call);
    const groat_matrices *m = &p->matrices;
    const uint32_t a_step = m->a_strides[AXIS + 1], b_step = m->b_strides[AXIS];
    uint32_t index[GROAT_BATCH_AXES] = {0};
    int16_t *out = groat_out(call, 0);
    do {
        const int16_t *a = (const int16_t *)groat_in(call, 0) + groat_matrix_start(index, m->a_strides);
        for (uint32_t r = 0; r < m->rows; r++, a += m->a_strides[AXIS]) {
            const int16_t *b = (const int16_t *)groat_in(call, 1) + groat_matrix_start(index, m->b_strides);
            for (uint32_t c = 0; c < m->columns; c++, b += m->b_strides[AXIS + 1]) {
                const int16_t *x = a, *y = b;
                int64_t sum = 0;
                for (uint32_t k = 0; k < m->depth; k++, x += a_step, y += b_step) {
                    sum += (int32_t)*x * *y;
                }
                int32_t value = groat_requantize_wide(sum, p->multiplier, p->shift);
                *out++ = (int16_t)groat_clamp(value, INT16_MIN, INT16_MAX);
            }
        }
    } while (groat_next_matrices(m, index));
}

const groat_op groat_op_matmul_int16 = {check, NULL, run};
