/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the matrices of a product lie.
 */
#ifndef GROAT_OPS_MATRICES_H
#define GROAT_OPS_MATRICES_H

#include "../core/op.h"

enum {
    GROAT_BATCH_AXES = 3
};

/* Every element of an operand with these dimensions lies inside its tensor. */
static inline int groat_check_matrix(const groat_call *call, uint32_t index, const groat_matrices *m, uint32_t rows,
                                     uint32_t columns, const uint32_t strides[GROAT_BATCH_AXES + 2], uint8_t dtype)
{
    const groat_tensor *operand = groat_arg_tensor(call, index);
    if (operand->dtype != dtype) {
        return GROAT_E_DTYPE;
    }
    const uint32_t dims[GROAT_BATCH_AXES + 2] = {m->batches[0], m->batches[1], m->batches[2], rows, columns};
    const uint32_t elements = groat_elements(operand);
    uint64_t last = 0;
    for (int i = 0; i < GROAT_BATCH_AXES + 2; i++) {
        last += (uint64_t)(dims[i] - 1) * strides[i];
        GROAT_REQUIRE(last < elements);
    }
    return GROAT_OK;
}

/* There are two operands and an output of a type, and nothing lies outside them. */
static inline int groat_check_matrices(const groat_call *call, const groat_matrices *m, uint8_t dtype)
{
    GROAT_TRY(groat_check_counts(call, 2, 1));
    const uint32_t y[GROAT_BATCH_AXES + 2] = {m->batches[0], m->batches[1], m->batches[2], m->rows, m->columns};
    uint64_t elements = groat_product(y, GROAT_BATCH_AXES + 2);
    GROAT_REQUIRE(elements > 0 && m->depth > 0);
    GROAT_TRY(groat_check_tensor(call, 2, dtype, elements));
    GROAT_TRY(groat_check_matrix(call, 0, m, m->rows, m->depth, m->a_strides, dtype));
    return groat_check_matrix(call, 1, m, m->depth, m->columns, m->b_strides, dtype);
}

/* Moves `index` on to the next matrices; 0 after the last. */
static inline int groat_next_matrices(const groat_matrices *m, uint32_t index[GROAT_BATCH_AXES])
{
    for (int i = GROAT_BATCH_AXES - 1; i >= 0; i--) {
        if (++index[i] < m->batches[i]) {
            return 1;
        }
        index[i] = 0;
    }
    return 0;
}

/* How far into an operand its matrix at `index` begins. */
static inline uint32_t groat_matrix_start(const uint32_t index[GROAT_BATCH_AXES], const uint32_t *strides)
{
    return index[0] * strides[0] + index[1] * strides[1] + index[2] * strides[2];
}

#endif
