/* SPDX-License-Identifier: Apache-2.0
 *
 * Long short-term memory (Hochreiter and Schmidhuber, 1997) of int8 with cells of int16, as TensorFlow Lite Micro
 * computes it (docs/NUMERICS.md).
 */
#include "recurrent_int8.h"

enum {
    GATES = 4,
    INPUT = 0,
    OUTPUT = 1,
    FORGET = 2,
    CELL = 3
};

static int check(const groat_call *call)
{
    static const groat_carried carried = {2, {GROAT_INT8, GROAT_INT16}};
    const groat_lstm_int8_params *p = groat_params(call);
    GROAT_TRY(groat_check_recurrent(call, &p->layer, GROAT_INT8, &carried));
    GROAT_TRY(groat_check_gates(call, &p->layer, GATES, p->weights, p->recurrent, p->bias));
    GROAT_TRY(groat_check_factors(p->input_factors, GATES));
    GROAT_TRY(groat_check_factors(p->recurrent_factors, GATES));
    GROAT_TRY(groat_check_factors(&p->keep, 1));
    GROAT_TRY(groat_check_factors(&p->take, 1));
    GROAT_TRY(groat_check_factors(&p->give, 1));
    GROAT_REQUIRE(p->tanh_multiplier <= INT16_MAX && p->tanh_shift <= 31 && p->cell_clip >= 0);
    return groat_check_sigmoid_table(call, p->table);
}

/* Sums over the inputs and over what was, of all gates; a cell; what there is before the first step. */
static uint32_t scratch_bytes(const void *params)
{
    const groat_recurrent *r = &((const groat_lstm_int8_params *)params)->layer;
    const uint32_t each = 2 * GATES * sizeof(int32_t) + sizeof(int16_t) + sizeof(int8_t);
    return r->hidden <= UINT16_MAX ? each * r->hidden : UINT32_MAX;
}

/* Leaves the gates in the place of the sums over the inputs. */
static void activate(const groat_lstm_int8_params *p, const uint16_t *table, int32_t *gates, const int32_t *recurrent)
{
    const uint32_t hidden = p->layer.hidden;
    for (uint32_t k = 0; k < GATES; k++) {
        for (uint32_t i = k * hidden; i < (k + 1) * hidden; i++) {
            const int32_t own = groat_scaled_s16(gates[i], &p->input_factors[k]);
            const int32_t sum = groat_saturate_s16(own + groat_scaled_s16(recurrent[i], &p->recurrent_factors[k]));
            const int32_t x = groat_sigmoid_argument(sum, GROAT_GATE_MULTIPLIER, 0);
            gates[i] = k == CELL ? groat_tanh_s16(table, x) : groat_logistic_s16(table, x);
        }
    }
}

static void run(const groat_call *call)
{
    const groat_lstm_int8_params *p = groat_params(call);
    const groat_recurrent *r = &p->layer;
    const int8_t *weights = groat_const(call, p->weights), *recurrent = groat_const(call, p->recurrent);
    const uint16_t *table = groat_const(call, p->table);
    const uint32_t hidden = r->hidden, rows = GATES * hidden;
    int32_t *gates = groat_scratch(call);
    int16_t *own = (int16_t *)(void *)(gates + 2 * rows);
    int8_t *first = (int8_t *)(own + hidden);
    for (uint32_t b = 0; b < r->batches; b++) {
        int8_t *h = groat_recurrent_final(call, r, 0, b, sizeof(int8_t));
        int16_t *cell = groat_recurrent_final(call, r, 1, b, sizeof(int16_t));
        cell = cell != NULL ? cell : own;
        if (r->initial) {
            memcpy(first, groat_recurrent_initial(call, r, 0, b, sizeof(int8_t)), hidden);
        } else {
            memset(first, p->hidden_zero_point, hidden);
        }
        groat_recurrent_start(cell, groat_recurrent_initial(call, r, 1, b, sizeof(int16_t)), hidden * sizeof(int16_t));
        const int8_t *before = first;
        for (uint32_t s = 0; s < r->steps; s++) {
            const uint32_t at = groat_recurrent_row(r, b, s);
            int8_t *y = (int8_t *)groat_out(call, 0) + at * hidden;
            memcpy(gates, groat_const(call, p->bias), 2 * rows * sizeof(int32_t));
            groat_kernels.matvec_s8(weights, (const int8_t *)groat_in(call, 0) + at * r->inputs, r->inputs, gates,
                                    rows);
            groat_kernels.matvec_s8(recurrent, before, hidden, gates + rows, rows);
            activate(p, table, gates, gates + rows);
            for (uint32_t i = 0; i < hidden; i++) {
                const int32_t kept = groat_scaled_s16(gates[FORGET * hidden + i] * cell[i], &p->keep);
                const int32_t taken = groat_scaled_s16(gates[INPUT * hidden + i] * gates[CELL * hidden + i], &p->take);
                int32_t c = groat_saturate_s16(kept + taken);
                c = p->cell_clip > 0 ? groat_clamp(c, -p->cell_clip, p->cell_clip) : c;
                cell[i] = (int16_t)c;
                const int32_t x = groat_sigmoid_argument(c, p->tanh_multiplier, p->tanh_shift);
                const int32_t given = gates[OUTPUT * hidden + i] * groat_tanh_s16(table, x);
                const int32_t scaled = groat_requantize(given, p->give.multiplier, p->give.shift);
                y[i] = groat_saturate_s8(groat_add_wrap(scaled, p->hidden_zero_point));
            }
            before = y;
        }
        if (h != NULL) {
            memcpy(h, before, hidden);
        }
    }
}

const groat_op groat_op_lstm_int8 = {check, scratch_bytes, run};
