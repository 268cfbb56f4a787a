/* SPDX-License-Identifier: Apache-2.0
 *
 * Long short-term memory (Hochreiter and Schmidhuber, 1997) with forget gates, float32.
 */
#include "../kernels/exp.h"
#include "recurrent.h"

static groat_recurrent layer_of(const groat_lstm_float32_params *p)
{
    return (groat_recurrent){p->steps, p->batches, p->inputs, p->hidden};
}

static int check(const groat_call *call)
{
    const groat_lstm_float32_params *p = groat_params(call);
    const groat_recurrent layer = layer_of(p);
    GROAT_REQUIRE(p->reverse <= 1);
    return groat_check_recurrent(call, &layer, 4, 4, p->weights, p->bias);
}

/* The cell, what there is before the first step, and four gates. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_lstm_float32_params *p = params;
    return p->hidden <= UINT16_MAX ? 6 * p->hidden * (uint32_t)sizeof(float) : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_lstm_float32_params *p = groat_params(call);
    const float *weights = groat_const(call, p->weights), *bias = groat_const(call, p->bias);
    const uint32_t hidden = p->hidden, depth = p->inputs + hidden;
    float *cell = groat_scratch(call), *zeros = cell + hidden, *gates = zeros + hidden;
    memset(zeros, 0, hidden * sizeof(float));
    for (uint32_t b = 0; b < p->batches; b++) {
        const float *before = zeros;
        memset(cell, 0, hidden * sizeof(float));
        for (uint32_t s = 0; s < p->steps; s++) {
            const uint32_t at = (p->reverse ? p->steps - 1 - s : s) * p->batches + b;
            const float *x = (const float *)groat_in(call, 0) + at * p->inputs;
            float *y = (float *)groat_out(call, 0) + at * hidden;
            for (uint32_t g = 0; g < 4 * hidden; g++) {
                const float *w = weights + g * depth;
                float sum = groat_dot_from(groat_dot_from(bias[g], w, x, p->inputs), w + p->inputs, before, hidden);
                gates[g] = g < 3 * hidden ? groat_logistic(sum) : groat_tanh(sum);
            }
            for (uint32_t i = 0; i < hidden; i++) {
                cell[i] = gates[2 * hidden + i] * cell[i] + gates[i] * gates[3 * hidden + i];
                y[i] = gates[hidden + i] * groat_tanh(cell[i]);
            }
            before = y;
        }
    }
}

const groat_op groat_op_lstm_float32 = {check, scratch_bytes, run};
