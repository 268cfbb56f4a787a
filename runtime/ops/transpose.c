/* SPDX-License-Identifier: Apache-2.0
 *
 * Reorders dimensions: walks the output in order and reads the input by strides.
 */
#include "../core/op.h"

enum {
    RANK = GROAT_RANK_MAX
};

static int check(const groat_call *call)
{
    const groat_transpose_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    GROAT_REQUIRE(p->element_bytes == groat_dtype_bytes(dtype));
    uint64_t elements = groat_product(p->dims, RANK);
    GROAT_REQUIRE(elements > 0);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, elements));
    GROAT_TRY(groat_check_tensor(call, 1, dtype, elements));
    uint64_t last = 0;
    for (int i = 0; i < RANK; i++) {
        last += (uint64_t)(p->dims[i] - 1) * p->in_strides[i];
        GROAT_REQUIRE(last < elements);
    }
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_transpose_params *p = groat_params(call);
    const uint8_t *in = groat_in(call, 0);
    uint8_t *out = groat_out(call, 0);
    uint32_t element = p->element_bytes;
    uint32_t runs = 1;
    for (int i = 0; i < RANK - 1; i++) {
        runs *= p->dims[i];
    }
    const uint32_t last = p->dims[RANK - 1], step = p->in_strides[RANK - 1] * element;
    uint32_t index[RANK] = {0}, start = 0;
    for (uint32_t r = 0; r < runs; r++) {
        const uint8_t *x = in + start;
        if (element == 1) {
            for (uint32_t k = 0; k < last; k++, x += step) {
                *out++ = *x;
            }
        } else {
            for (uint32_t k = 0; k < last; k++, out += element, x += step) {
                for (uint32_t b = 0; b < element; b++) {
                    out[b] = x[b];
                }
            }
        }
        /* On to the next run: counted like a number whose digits are the dimensions. */
        for (int i = RANK - 2; i >= 0; i--) {
            uint32_t stride = p->in_strides[i] * element;
            start += stride;
            if (++index[i] < p->dims[i]) {
                break;
            }
            start -= p->dims[i] * stride;
            index[i] = 0;
        }
    }
}

const groat_op groat_op_transpose = {check, NULL, run};
