/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts a constant around a tensor: fills the output, then copies the input's innermost runs into it.
 */
#include "../core/op.h"

enum {
    RANK = GROAT_RANK_MAX
};

static int check(const groat_call *call)
{
    const groat_pad_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    GROAT_REQUIRE(p->element_bytes == groat_dtype_bytes(dtype));
    for (int i = 0; i < RANK; i++) {
        GROAT_REQUIRE((uint64_t)p->before[i] + p->in_dims[i] <= p->out_dims[i]);
    }
    uint64_t elements = groat_product(p->in_dims, RANK);
    GROAT_REQUIRE(elements > 0);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, elements));
    uint64_t out_elements = groat_product(p->out_dims, RANK);
    GROAT_REQUIRE(out_elements > 0);
    return groat_check_tensor(call, 1, dtype, out_elements);
}

static void run(const groat_call *call)
{
    const groat_pad_params *p = groat_params(call);
    const uint8_t *in = groat_in(call, 0);
    uint8_t *out = groat_out(call, 0);
    uint32_t element = p->element_bytes;
    uint32_t out_bytes = element;
    uint32_t runs = 1;
    for (int i = 0; i < RANK; i++) {
        out_bytes *= p->out_dims[i];
        runs *= i < RANK - 1 ? p->in_dims[i] : 1;
    }
    if (element == 1) {
        memset(out, p->value[0], out_bytes);
    } else {
        for (uint32_t i = 0; i < out_bytes; i += element) {
            memcpy(out + i, p->value, element);
        }
    }
    uint32_t run_bytes = p->in_dims[RANK - 1] * element;
    uint32_t index[RANK] = {0};
    for (uint32_t r = 0; r < runs; r++, in += run_bytes) {
        uint32_t position = 0;
        for (int i = 0; i < RANK; i++) {
            position = position * p->out_dims[i] + p->before[i] + index[i];
        }
        memcpy(out + position * element, in, run_bytes);
        for (int i = RANK - 2; i >= 0 && ++index[i] == p->in_dims[i]; i--) {
            index[i] = 0;
        }
    }
}

const groat_op groat_op_pad = {check, NULL, run};
