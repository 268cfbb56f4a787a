/* SPDX-License-Identifier: Apache-2.0
 *
 * A box of a tensor: the gradient of PAD, and of each input of CONCATENATION.
 */
#include "../core/op.h"

enum {
    RANK = GROAT_RANK_MAX
};

static int check(const groat_call *call)
{
    const groat_slice_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    GROAT_REQUIRE(p->element_bytes == groat_dtype_bytes(dtype));
    uint64_t in = groat_product(p->in_dims, RANK);
    uint64_t out = groat_product(p->dims, RANK);
    GROAT_REQUIRE(in > 0 && out > 0);
    for (int i = 0; i < RANK; i++) {
        GROAT_REQUIRE(p->dims[i] <= p->in_dims[i] && p->begins[i] <= p->in_dims[i] - p->dims[i]);
    }
    GROAT_TRY(groat_check_tensor(call, 0, dtype, in));
    return groat_check_tensor(call, 1, dtype, out);
}

static void run(const groat_call *call)
{
    const groat_slice_params *p = groat_params(call);
    const uint8_t *in = groat_in(call, 0);
    uint8_t *out = groat_out(call, 0);
    uint32_t strides[RANK], index[RANK] = {0}, runs = 1, start = 0, stride = p->element_bytes;
    for (int i = RANK - 1; i >= 0; i--) {
        strides[i] = stride;
        start += p->begins[i] * stride;
        stride *= p->in_dims[i];
        runs *= i < RANK - 1 ? p->dims[i] : 1;
    }
    const uint32_t bytes = p->dims[RANK - 1] * p->element_bytes;
    for (uint32_t r = 0; r < runs; r++, out += bytes) {
        memcpy(out, in + start, bytes);
        for (int i = RANK - 2; i >= 0; i--) {
            start += strides[i];
            if (++index[i] < p->dims[i]) {
                break;
            }
            start -= p->dims[i] * strides[i];
            index[i] = 0;
        }
    }
}

const groat_op groat_op_slice = {check, NULL, run};
