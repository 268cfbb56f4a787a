/* SPDX-License-Identifier: Apache-2.0
 *
 * What recurrent layers of float32 share: the walk over steps, and the gates' sums.
 */
#ifndef GROAT_OPS_RECURRENT_H
#define GROAT_OPS_RECURRENT_H

#include "../core/op.h"

/* A layer: x[steps, batches, inputs] -> y[steps, batches, hidden]. */
typedef struct groat_recurrent {
    uint32_t steps;
    uint32_t batches;
    uint32_t inputs;
    uint32_t hidden;
} groat_recurrent;

static inline int groat_check_recurrent(const groat_call *call, const groat_recurrent *r, uint32_t gates,
                                        uint32_t biases, uint32_t weights, uint32_t bias)
{
    GROAT_TRY(groat_check_counts(call, 1, 1));
    const uint32_t x[3] = {r->steps, r->batches, r->inputs}, y[3] = {r->steps, r->batches, r->hidden};
    uint64_t read = groat_product(x, 3), written = groat_product(y, 3);
    GROAT_REQUIRE(read > 0 && written > 0 && r->inputs <= UINT16_MAX && r->hidden <= UINT16_MAX);
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, read));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, written));
    const uint64_t rows = (uint64_t)gates * r->hidden;
    GROAT_REQUIRE(rows * (r->inputs + r->hidden) <= UINT32_MAX / sizeof(float));
    GROAT_TRY(groat_check_const(call, weights, rows * (r->inputs + r->hidden) * sizeof(float)));
    return groat_check_const(call, bias, (uint64_t)biases * r->hidden * sizeof(float));
}

/* start + Σ w[i] v[i], in order. */
static inline float groat_dot_from(float start, const float *w, const float *v, uint32_t count)
{
    float sum = start;
    for (uint32_t i = 0; i < count; i++) {
        sum += w[i] * v[i];
    }
    return sum;
}

#endif
