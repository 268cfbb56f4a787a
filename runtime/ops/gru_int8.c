/* SPDX-License-Identifier: Apache-2.0
 *
 * Gated recurrent units (Cho et al., 2014) of int8 with a state of int16, the reset gate before or after the recurrent
 * product (docs/NUMERICS.md).
 */
#include "recurrent_int8.h"

enum {
    GATES = 3,
    UPDATE = 0,
    RESET = 1,
    HIDDEN = 2,
    ONE = 1 << 15,
    HALF = 1 << 14
};

static int check(const groat_call *call)
{
    static const groat_carried carried = {1, {GROAT_INT16, 0}};
    const groat_gru_int8_params *p = groat_params(call);
    GROAT_TRY(groat_check_recurrent(call, &p->layer, GROAT_INT8, &carried));
    GROAT_TRY(groat_check_gates(call, &p->layer, GATES, p->weights, p->recurrent, p->bias));
    GROAT_TRY(groat_check_factors(p->input_factors, GATES));
    GROAT_TRY(groat_check_factors(p->recurrent_factors, GATES));
    GROAT_TRY(groat_check_factors(&p->give, 1));
    GROAT_REQUIRE(p->reset_after <= 1);
    return groat_check_sigmoid_table(call, p->table);
}

/* Sums over the inputs and over what was, of all gates; a state; it as int8; its part that the reset gate lets through. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_recurrent *r = &((const groat_gru_int8_params *)params)->layer;
    const uint32_t each = 2 * GATES * sizeof(int32_t) + sizeof(int16_t) + 2 * sizeof(int8_t);
    return r->hidden <= UINT16_MAX ? each * r->hidden : UINT32_MAX;
}

/* An int16 of a gate times another, Q15, halves up. */
static int32_t scale_by(int32_t gate, int32_t x)
{
    return (gate * x + HALF) >> 15;
}

/* A state as the output's int8. */
static void give(const groat_gru_int8_params *p, const int16_t *state, int8_t *y)
{
    for (uint32_t i = 0; i < p->layer.hidden; i++) {
        const int32_t scaled = groat_requantize(state[i], p->give.multiplier, p->give.shift);
        y[i] = groat_saturate_s8(groat_add_wrap(scaled, p->hidden_zero_point));
    }
}

/* Rows [from, end) of the sums over inputs and over what was, as int16. */
static void scale(const groat_gru_int8_params *p, int32_t *own, int32_t *rest, uint32_t gate)
{
    for (uint32_t i = gate * p->layer.hidden; i < (gate + 1) * p->layer.hidden; i++) {
        own[i] = groat_scaled_s16(own[i], &p->input_factors[gate]);
        rest[i] = groat_scaled_s16(rest[i], &p->recurrent_factors[gate]);
    }
}

static void step(const groat_call *call, const int8_t *x, const int8_t *before, int16_t *state, int8_t *passed)
{
    const groat_gru_int8_params *p = groat_params(call);
    const int8_t *recurrent = groat_const(call, p->recurrent);
    const uint16_t *table = groat_const(call, p->table);
    const uint32_t hidden = p->layer.hidden, rows = GATES * hidden, last = HIDDEN * hidden;
    int32_t *own = groat_scratch(call), *rest = own + rows;
    memcpy(own, groat_const(call, p->bias), 2 * rows * sizeof(int32_t));
    groat_kernels.matvec_s8(groat_const(call, p->weights), x, p->layer.inputs, own, rows);
    groat_kernels.matvec_s8(recurrent, before, hidden, rest, p->reset_after ? rows : last);
    for (uint32_t gate = UPDATE; gate <= RESET; gate++) {
        scale(p, own, rest, gate);
        for (uint32_t i = gate * hidden; i < (gate + 1) * hidden; i++) {
            const int32_t sum = groat_saturate_s16(own[i] + rest[i]);
            own[i] = groat_logistic_s16(table, groat_sigmoid_argument(sum, GROAT_GATE_MULTIPLIER, 0));
        }
    }
    if (!p->reset_after) {
        for (uint32_t i = 0; i < hidden; i++) {
            const int32_t part = scale_by(own[RESET * hidden + i], before[i] - p->hidden_zero_point);
            passed[i] = groat_saturate_s8(part + p->hidden_zero_point);
        }
        groat_kernels.matvec_s8(recurrent + last * hidden, passed, hidden, rest + last, hidden);
    }
    scale(p, own, rest, HIDDEN);
    for (uint32_t i = 0; i < hidden; i++) {
        const int32_t part = p->reset_after ? scale_by(own[RESET * hidden + i], rest[last + i]) : rest[last + i];
        const int32_t sum = groat_saturate_s16(own[last + i] + part);
        const int32_t fresh = groat_tanh_s16(table, groat_sigmoid_argument(sum, GROAT_GATE_MULTIPLIER, 0));
        const int32_t update = own[UPDATE * hidden + i];
        state[i] = (int16_t)((update * state[i] + (ONE - update) * fresh + HALF) >> 15);
    }
}

static void run(const groat_call *call)
{
    const groat_gru_int8_params *p = groat_params(call);
    const groat_recurrent *r = &p->layer;
    const uint32_t hidden = r->hidden;
    int16_t *own = (int16_t *)(void *)((int32_t *)groat_scratch(call) + 2 * GATES * hidden);
    int8_t *first = (int8_t *)(own + hidden), *passed = first + hidden;
    for (uint32_t b = 0; b < r->batches; b++) {
        int16_t *state = groat_recurrent_final(call, r, 0, b, sizeof(int16_t));
        state = state != NULL ? state : own;
        groat_recurrent_start(state, groat_recurrent_initial(call, r, 0, b, sizeof(int16_t)), hidden * sizeof(int16_t));
        give(p, state, first);
        const int8_t *before = first;
        for (uint32_t s = 0; s < r->steps; s++) {
            const uint32_t at = groat_recurrent_row(r, b, s);
            int8_t *y = (int8_t *)groat_out(call, 0) + at * hidden;
            step(call, (const int8_t *)groat_in(call, 0) + at * r->inputs, before, state, passed);
            give(p, state, y);
            before = y;
        }
    }
}

const groat_op groat_op_gru_int8 = {check, scratch_bytes, run};
