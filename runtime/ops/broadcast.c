/* SPDX-License-Identifier: Apache-2.0
 *
 * How elementwise ops of two operands walk arrays of which one may repeat along some dimensions.
 */
#include "broadcast.h"

enum {
    RANK = GROAT_RANK_MAX
};

static int check_operand(const groat_call *call, uint32_t index, const uint32_t dims[GROAT_RANK_MAX],
                         const uint32_t strides[GROAT_RANK_MAX], uint8_t dtype)
{
    const groat_tensor *operand = groat_arg_tensor(call, index);
    if (operand->dtype != dtype) {
        return GROAT_E_DTYPE;
    }
    GROAT_REQUIRE(strides[RANK - 1] <= 1);
    uint32_t elements = groat_elements(operand);
    uint64_t last = 0;
    for (int i = 0; i < RANK; i++) {
        last += (uint64_t)(dims[i] - 1) * strides[i];
        GROAT_REQUIRE(last < elements);
    }
    if (operand->buffer == groat_arg_tensor(call, 2)->buffer) {
        /* In place is safe only when each element is read just before it is written. */
        uint32_t dense = 1;
        for (int i = RANK - 1; i >= 0; i--) {
            GROAT_REQUIRE(dims[i] == 1 || strides[i] == dense);
            dense *= dims[i];
        }
    }
    return GROAT_OK;
}

int groat_check_broadcast(const groat_call *call, const uint32_t dims[GROAT_RANK_MAX],
                          const uint32_t a_strides[GROAT_RANK_MAX], const uint32_t b_strides[GROAT_RANK_MAX],
                          uint8_t dtype)
{
    GROAT_TRY(groat_check_counts(call, 2, 1));
    uint64_t elements = groat_product(dims, RANK);
    GROAT_REQUIRE(elements > 0);
    GROAT_TRY(groat_check_tensor(call, 2, dtype, elements));
    GROAT_TRY(check_operand(call, 0, dims, a_strides, dtype));
    return check_operand(call, 1, dims, b_strides, dtype);
}

void groat_broadcast(const groat_call *call, const uint32_t dims[GROAT_RANK_MAX],
                     const uint32_t a_strides[GROAT_RANK_MAX], const uint32_t b_strides[GROAT_RANK_MAX],
                     uint32_t element_bytes, groat_binary f, const void *kernel)
{
    const int8_t *a = groat_in(call, 0);
    const int8_t *b = groat_in(call, 1);
    int8_t *out = groat_out(call, 0);
    uint32_t runs = 1;
    for (int i = 0; i < RANK - 1; i++) {
        runs *= dims[i];
    }
    uint32_t count = dims[RANK - 1];
    uint32_t index[RANK] = {0};
    for (uint32_t r = 0; r < runs; r++, out += count * element_bytes) {
        uint32_t a_start = 0;
        uint32_t b_start = 0;
        for (int i = 0; i < RANK - 1; i++) {
            a_start += index[i] * a_strides[i];
            b_start += index[i] * b_strides[i];
        }
        f(kernel, a + a_start * element_bytes, a_strides[RANK - 1], b + b_start * element_bytes, b_strides[RANK - 1],
          out, count);
        for (int i = RANK - 2; i >= 0 && ++index[i] == dims[i]; i--) {
            index[i] = 0;
        }
    }
}

void groat_broadcast_part(const groat_call *call, const groat_part *part, groat_binary f, const void *kernel)
{
    const void *a = groat_part_of(call, 0, part), *b = groat_part_of(call, 1, part);
    f(kernel, a, 1, b, 1, part->out, groat_part_elements(call, part));
}
