/* SPDX-License-Identifier: Apache-2.0
 *
 * The logistic function and tanh of int16: one table of the logistic function for positive arguments serves both, by
 * linear interpolation and symmetry (docs/NUMERICS.md).
 */
#include "rows.h"

enum {
    ENTRIES = 256,
    LAST = ENTRIES - 1
};

static int check(const groat_call *call)
{
    const groat_sigmoid_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    GROAT_REQUIRE(p->multiplier <= INT16_MAX && p->shift <= 31 && p->tanh <= 1);
    return groat_check_const(call, p->table, ENTRIES * sizeof(uint16_t));
}

/* Entry x / 2^bits of the table, times 2^bits, for x >= 0; beyond its end, `limit`. */
static uint32_t interpolate(const uint16_t *table, uint32_t x, uint32_t bits, uint32_t limit)
{
    uint32_t index = x >> bits;
    if (index >= LAST) {
        return limit << bits;
    }
    uint32_t rest = x & ((1u << bits) - 1u);
    return ((uint32_t)table[index] << bits) + rest * ((uint32_t)table[index + 1] - table[index]);
}

/* Halves go towards plus infinity for positive arguments and towards minus infinity for negative ones. */
static int16_t logistic(const uint16_t *table, int32_t x)
{
    uint32_t y = interpolate(table, (uint32_t)(x < 0 ? -x : x), 9, 0xFFFE);
    y = x < 0 ? (1u << 25) - y + (1u << 9) - 1u : y + (1u << 9);
    return (int16_t)(y >> 10);
}

static int16_t hyperbolic_tangent(const uint16_t *table, int32_t x)
{
    int32_t y = (int32_t)interpolate(table, (uint32_t)(x < 0 ? -x : x), 8, 0xFFFF) - (1 << 23);
    y = x < 0 ? (1 << 7) - 1 - y : y + (1 << 7);
    return (int16_t)(y >> 8);
}

static void convert(const groat_call *call, const int16_t *in, int16_t *out, uint32_t count)
{
    const groat_sigmoid_int16_params *p = groat_params(call);
    const uint16_t *table = groat_const(call, p->table);
    int32_t half = p->shift > 0 ? (int32_t)(1u << (p->shift - 1)) : 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t x = (int32_t)(((int64_t)in[i] * p->multiplier + half) >> p->shift);
        out[i] = p->tanh ? hyperbolic_tangent(table, x) : logistic(table, x);
    }
}

static void run(const groat_call *call)
{
    const groat_sigmoid_int16_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_sigmoid_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_sigmoid_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
