/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of matrices that are both computed, float32.  Strides say where rows and columns are, so that a transpose of
 * either costs nothing.
 */
#include "../core/op.h"

/* Every element of an operand with three dimensions lies inside its tensor. */
static int check_operand(const groat_call *call, uint32_t index, const uint32_t dims[3], const uint32_t strides[3])
{
    const groat_tensor *operand = groat_arg_tensor(call, index);
    if (operand->dtype != GROAT_FLOAT32) {
        return GROAT_E_DTYPE;
    }
    const uint32_t elements = groat_elements(operand);
    uint64_t last = 0;
    for (int i = 0; i < 3; i++) {
        last += (uint64_t)(dims[i] - 1) * strides[i];
        GROAT_REQUIRE(last < elements);
    }
    return GROAT_OK;
}

static int check(const groat_call *call)
{
    const groat_matmul_float32_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    const uint32_t a[3] = {p->batches, p->rows, p->depth}, b[3] = {p->batches, p->depth, p->columns};
    const uint32_t y[3] = {p->batches, p->rows, p->columns};
    uint64_t elements = groat_product(y, 3);
    GROAT_REQUIRE(elements > 0 && p->depth > 0);
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_FLOAT32, elements));
    GROAT_TRY(check_operand(call, 0, a, p->a_strides));
    return check_operand(call, 1, b, p->b_strides);
}

static void run(const groat_call *call)
{
    const groat_matmul_float32_params *p = groat_params(call);
    float *y = groat_out(call, 0);
    for (uint32_t n = 0; n < p->batches; n++) {
        const float *row = (const float *)groat_in(call, 0) + n * p->a_strides[0];
        for (uint32_t r = 0; r < p->rows; r++, row += p->a_strides[1]) {
            const float *column = (const float *)groat_in(call, 1) + n * p->b_strides[0];
            for (uint32_t c = 0; c < p->columns; c++, column += p->b_strides[2]) {
                float sum = 0.0f;
                for (uint32_t k = 0; k < p->depth; k++) {
                    sum += row[k * p->a_strides[2]] * column[k * p->b_strides[1]];
                }
                *y++ = sum;
            }
        }
    }
}

const groat_op groat_op_matmul_float32 = {check, NULL, run};
