/* SPDX-License-Identifier: Apache-2.0
 *
 * Values between neighbours along one axis, float32: one axis of a bilinear resize.
 */
#include "../core/op.h"
#include "../kernels/float.h"

static int check(const groat_call *call)
{
    const groat_interpolate_float32_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_REQUIRE(p->in > 0 && p->in <= 65536);
    const uint32_t in[3] = {p->outer, p->in, p->inner}, out[3] = {p->outer, p->out, p->inner};
    uint64_t read = groat_product(in, 3), written = groat_product(out, 3);
    GROAT_REQUIRE(read > 0 && written > 0);
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, read));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, written));
    GROAT_TRY(groat_check_const(call, p->indices, (uint64_t)p->out * sizeof(uint16_t)));
    GROAT_TRY(groat_check_const(call, p->weights, (uint64_t)p->out * sizeof(float)));
    const uint16_t *indices = groat_const(call, p->indices);
    for (uint32_t i = 0; i < p->out; i++) {
        GROAT_REQUIRE(indices[i] < p->in);
    }
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const groat_interpolate_float32_params *p = groat_params(call);
    const uint16_t *indices = groat_const(call, p->indices);
    const float *weights = groat_const(call, p->weights);
    const float *in = groat_in(call, 0);
    float *out = groat_out(call, 0);
    for (uint32_t o = 0; o < p->outer; o++, in += p->in * p->inner) {
        for (uint32_t i = 0; i < p->out; i++, out += p->inner) {
            const float *a = in + indices[i] * p->inner;
            const float *b = a + (indices[i] + 1u < p->in ? p->inner : 0);
            const float weight = weights[i], rest = 1.0f - weight;
            for (uint32_t k = 0; k < p->inner; k++) {
                out[k] = a[k] * rest + b[k] * weight;
            }
        }
    }
}

const groat_op groat_op_interpolate_float32 = {check, NULL, run};
