/* SPDX-License-Identifier: Apache-2.0
 *
 * What recurrent layers of float32 share: their constants, and the gates' sums.
 */
#ifndef GROAT_OPS_RECURRENT_FLOAT32_H
#define GROAT_OPS_RECURRENT_FLOAT32_H

#include "recurrent.h"

/* Weights of so many rows [hidden][inputs + hidden], and biases of so many [hidden]. */
static inline int groat_check_recurrent_constants(const groat_call *call, const groat_recurrent *r, uint32_t gates,
                                                  uint32_t biases, uint32_t weights, uint32_t bias)
{
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
