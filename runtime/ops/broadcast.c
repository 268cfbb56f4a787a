/* SPDX-License-Identifier: Apache-2.0
 *
 * How elementwise ops of two operands walk arrays of which one may repeat along some dimensions.
 */
#include "broadcast.h"

static int check_operand(const groat_call *call, uint32_t index, const uint32_t dims[4], const uint32_t strides[4])
{
    const groat_tensor *operand = groat_arg_tensor(call, index);
    if (operand->dtype != GROAT_INT8) {
        return GROAT_E_DTYPE;
    }
    GROAT_REQUIRE(strides[3] <= 1);
    uint64_t last = 0;
    for (int i = 0; i < 4; i++) {
        last += (uint64_t)(dims[i] - 1) * strides[i];
        GROAT_REQUIRE(last < groat_elements(operand));
    }
    if (operand->buffer == groat_arg_tensor(call, 2)->buffer) {
        /* In place is safe only when each element is read just before it is written. */
        uint32_t dense = 1;
        for (int i = 3; i >= 0; i--) {
            GROAT_REQUIRE(dims[i] == 1 || strides[i] == dense);
            dense *= dims[i];
        }
    }
    return GROAT_OK;
}

int groat_check_broadcast(const groat_call *call, const uint32_t dims[4], const uint32_t a_strides[4],
                          const uint32_t b_strides[4])
{
    GROAT_TRY(groat_check_counts(call, 2, 1));
    uint64_t elements = groat_product(dims, 4);
    GROAT_REQUIRE(elements > 0);
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_INT8, elements));
    GROAT_TRY(check_operand(call, 0, dims, a_strides));
    return check_operand(call, 1, dims, b_strides);
}

void groat_broadcast(const groat_call *call, const uint32_t dims[4], const uint32_t a_strides[4],
                     const uint32_t b_strides[4], groat_binary f, const void *kernel)
{
    int8_t *out = groat_out(call, 0);
    const int8_t *a0 = groat_in(call, 0);
    const int8_t *b0 = groat_in(call, 1);
    for (uint32_t i = 0; i < dims[0]; i++) {
        for (uint32_t j = 0; j < dims[1]; j++) {
            for (uint32_t k = 0; k < dims[2]; k++, out += dims[3]) {
                const int8_t *a = a0 + i * a_strides[0] + j * a_strides[1] + k * a_strides[2];
                const int8_t *b = b0 + i * b_strides[0] + j * b_strides[1] + k * b_strides[2];
                f(kernel, a, a_strides[3], b, b_strides[3], out, dims[3]);
            }
        }
    }
}
