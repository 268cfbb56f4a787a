/* SPDX-License-Identifier: Apache-2.0
 *
 * Long short-term memory (Hochreiter and Schmidhuber, 1997) with forget gates, float32.
 */
#include "../kernels/exp.h"
#include "recurrent_float32.h"

static int check(const groat_call *call)
{
    static const groat_carried carried = {2, {GROAT_FLOAT32, GROAT_FLOAT32}};
    const groat_lstm_float32_params *p = groat_params(call);
    GROAT_TRY(groat_check_recurrent(call, &p->layer, GROAT_FLOAT32, &carried));
    GROAT_REQUIRE(p->cell_clip >= 0.0f);
    return groat_check_recurrent_constants(call, &p->layer, 4, 4, p->weights, p->bias);
}

/* The cell, what there is before the first step, and four gates. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_recurrent *r = &((const groat_lstm_float32_params *)params)->layer;
    return r->hidden <= UINT16_MAX ? 6 * r->hidden * (uint32_t)sizeof(float) : UINT32_MAX;
}

static float clipped(float cell, float clip)
{
    return !(clip > 0.0f) ? cell : cell > clip ? clip : cell < -clip ? -clip : cell;
}

static void run(const groat_call *call)
{
    const groat_lstm_float32_params *p = groat_params(call);
    const groat_recurrent *r = &p->layer;
    const float *weights = groat_const(call, p->weights), *bias = groat_const(call, p->bias);
    const uint32_t hidden = r->hidden, depth = r->inputs + hidden, bytes = hidden * (uint32_t)sizeof(float);
    float *own = groat_scratch(call), *first = own + hidden, *gates = first + hidden;
    for (uint32_t b = 0; b < r->batches; b++) {
        float *h = groat_recurrent_final(call, r, 0, b, sizeof(float));
        float *cell = groat_recurrent_final(call, r, 1, b, sizeof(float));
        cell = cell != NULL ? cell : own;
        groat_recurrent_start(first, groat_recurrent_initial(call, r, 0, b, sizeof(float)), bytes);
        groat_recurrent_start(cell, groat_recurrent_initial(call, r, 1, b, sizeof(float)), bytes);
        const float *before = first;
        for (uint32_t s = 0; s < r->steps; s++) {
            const uint32_t at = groat_recurrent_row(r, b, s);
            const float *x = (const float *)groat_in(call, 0) + at * r->inputs;
            float *y = (float *)groat_out(call, 0) + at * hidden;
            for (uint32_t g = 0; g < 4 * hidden; g++) {
                const float *w = weights + g * depth;
                float sum = groat_dot_from(groat_dot_from(bias[g], w, x, r->inputs), w + r->inputs, before, hidden);
                gates[g] = g < 3 * hidden ? groat_logistic(sum) : groat_tanh(sum);
            }
            for (uint32_t i = 0; i < hidden; i++) {
                cell[i] = gates[2 * hidden + i] * cell[i] + gates[i] * gates[3 * hidden + i];
                cell[i] = clipped(cell[i], p->cell_clip);
                y[i] = gates[hidden + i] * groat_tanh(cell[i]);
            }
            before = y;
        }
        if (h != NULL) {
            memcpy(h, before, bytes);
        }
    }
}

const groat_op groat_op_lstm_float32 = {check, scratch_bytes, run};
