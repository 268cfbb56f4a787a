/* SPDX-License-Identifier: Apache-2.0
 *
 * Gated recurrent units (Cho et al., 2014), float32, the reset gate before or after the recurrent product.
 */
#include "../kernels/exp.h"
#include "recurrent_float32.h"

static int check(const groat_call *call)
{
    static const groat_carried carried = {1, {GROAT_FLOAT32, 0}};
    const groat_gru_float32_params *p = groat_params(call);
    GROAT_TRY(groat_check_recurrent(call, &p->layer, GROAT_FLOAT32, &carried));
    GROAT_REQUIRE(p->reset_after <= 1);
    return groat_check_recurrent_constants(call, &p->layer, 3, 4, p->weights, p->bias);
}

/* What there is before the first step, its part that the reset gate lets through, and two gates. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_recurrent *r = &((const groat_gru_float32_params *)params)->layer;
    return r->hidden <= UINT16_MAX ? 4 * r->hidden * (uint32_t)sizeof(float) : UINT32_MAX;
}

static void run(const groat_call *call)
{
    const groat_gru_float32_params *p = groat_params(call);
    const float *weights = groat_const(call, p->weights), *bias = groat_const(call, p->bias);
    const groat_recurrent *r = &p->layer;
    const uint32_t inputs = r->inputs, hidden = r->hidden, depth = inputs + hidden;
    const uint32_t bytes = hidden * (uint32_t)sizeof(float);
    float *first = groat_scratch(call), *passed = first + hidden, *gates = passed + hidden;
    for (uint32_t b = 0; b < r->batches; b++) {
        float *h = groat_recurrent_final(call, r, 0, b, sizeof(float));
        groat_recurrent_start(first, groat_recurrent_initial(call, r, 0, b, sizeof(float)), bytes);
        const float *before = first;
        for (uint32_t s = 0; s < r->steps; s++) {
            const uint32_t at = groat_recurrent_row(r, b, s);
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
        if (h != NULL) {
            memcpy(h, before, bytes);
        }
    }
}

const groat_op groat_op_gru_float32 = {check, scratch_bytes, run};
