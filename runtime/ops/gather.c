/* SPDX-License-Identifier: Apache-2.0
 *
 * Some places along one axis, in any order, each any number of times: a slice with steps, an image of twice the size, a
 * border of what is inside.
 */
#include "../core/op.h"

static int check(const groat_call *call)
{
    const groat_gather_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    uint32_t bytes = groat_dtype_bytes(dtype);
    GROAT_REQUIRE(p->in > 0 && p->in <= 65536 && p->inner_bytes > 0 && p->inner_bytes % bytes == 0);
    const uint32_t inner = p->inner_bytes / bytes;
    const uint32_t in[3] = {p->outer, p->in, inner}, out[3] = {p->outer, p->out, inner};
    uint64_t read = groat_product(in, 3), written = groat_product(out, 3);
    GROAT_REQUIRE(read > 0 && written > 0);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, read));
    GROAT_TRY(groat_check_tensor(call, 1, dtype, written));
    GROAT_TRY(groat_check_const(call, p->indices, (uint64_t)p->out * sizeof(uint16_t)));
    const uint16_t *indices = groat_const(call, p->indices);
    for (uint32_t i = 0; i < p->out; i++) {
        GROAT_REQUIRE(indices[i] < p->in);
    }
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_gather_params *p = groat_params(call);
    const uint16_t *indices = groat_const(call, p->indices);
    const uint8_t *in = groat_in(call, 0);
    uint8_t *out = groat_out(call, 0);
    for (uint32_t o = 0; o < p->outer; o++, in += p->in * p->inner_bytes) {
        for (uint32_t i = 0; i < p->out; i++, out += p->inner_bytes) {
            memcpy(out, in + indices[i] * p->inner_bytes, p->inner_bytes);
        }
    }
}

const groat_op groat_op_gather = {check, NULL, run};
