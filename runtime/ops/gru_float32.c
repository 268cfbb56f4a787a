/* SPDX-License-Identifier: Apache-2.0
 *
 * Gated recurrent units (Cho et al., 2014), float32, the reset gate before or after the recurrent product.
 */
#include "../kernels/exp.h"
#include "recurrent.h"

static groat_recurrent layer_of(const groat_gru_float32_params *p)
{
    return (groat_recurrent){p->steps, p->batches, p->inputs, p->hidden};
}

static int check(const groat_call *call)
{
    const groat_gru_float32_params *p = groat_params(call);
    const groat_recurrent layer = layer_of(p);
    GROAT_REQUIRE(p->reverse <= 1 && p->reset_after <= 1);
    return groat_check_recurrent(call, &layer, 3, 4, p->weights, p->bias);
}

/* What there is before the first step, its part that the reset gate lets through, and two gates. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_gru_float32_params *p = params;
    return p->hidden <= UINT16_MAX ? 4 * p->hidden * (uint32_t)sizeof(float) : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_gru_float32_params *p = groat_params(call);
    const float *weights = groat_const(call, p->weights), *bias = groat_const(call, p->bias);
    const uint32_t inputs = p->inputs, hidden = p->hidden, depth = inputs + hidden;
    float *zeros = groat_scratch(call), *passed = zeros + hidden, *gates = passed + hidden;
    memset(zeros, 0, hidden * sizeof(float));
    for (uint32_t b = 0; b < p->batches; b++) {
        const float *before = zeros;
        for (uint32_t s = 0; s < p->steps; s++) {
            const uint32_t at = (p->reverse ? p->steps - 1 - s : s) * p->batches + b;
            const float *x = (const float *)groat_in(call, 0) + at * inputs;
            float *y = (float *)groat_out(call, 0) + at * hidden;
            for (uint32_t g = 0; g < 2 * hidden; g++) {
                const float *w = weights + g * depth;
                gates[g] =
                    groat_logistic(groat_dot_from(groat_dot_from(bias[g], w, x, inputs), w + inputs, before, hidden));
            }
            for (uint32_t i = 0; i < hidden; i++) {
                passed[i] = gates[hidden + i] * before[i];
            }
            for (uint32_t i = 0; i < hidden; i++) {
                const float *w = weights + (2 * hidden + i) * depth;
                const float own = groat_dot_from(bias[2 * hidden + i], w, x, inputs);
                float rest = groat_dot_from(bias[3 * hidden + i], w + inputs, p->reset_after ? before : passed, hidden);
                rest = p->reset_after ? gates[hidden + i] * rest : rest;
                const float update = gates[i];
                y[i] = (1.0f - update) * groat_tanh(own + rest) + update * before[i];
            }
            before = y;
        }
    }
}

const groat_op groat_op_gru_float32 = {check, scratch_bytes, run};
