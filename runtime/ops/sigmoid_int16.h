/* SPDX-License-Identifier: Apache-2.0
 *
 * The logistic function and tanh of int16: one table of the logistic function for positive arguments serves both, by
 * linear interpolation and symmetry (docs/NUMERICS.md).  Arguments are in steps of 1 / (3 * 4096), results Q15.
 */
#ifndef GROAT_OPS_SIGMOID_INT16_H
#define GROAT_OPS_SIGMOID_INT16_H

#include "../core/op.h"

enum {
    GROAT_SIGMOID_ENTRIES = 256
};

static inline int groat_check_sigmoid_table(const groat_call *call, uint32_t table)
{
    return groat_check_const(call, table, GROAT_SIGMOID_ENTRIES * sizeof(uint16_t));
}

/* x * multiplier / 2^shift, which an argument is. */
static inline int32_t groat_sigmoid_argument(int32_t x, uint32_t multiplier, uint32_t shift)
{
    int32_t half = shift > 0 ? (int32_t)(1u << (shift - 1)) : 0;
    return (int32_t)(((int64_t)x * multiplier + half) >> shift);
}

/* Entry x / 2^bits of the table, times 2^bits, for x >= 0; beyond its end, `limit`. */
static inline uint32_t groat_sigmoid_entry(const uint16_t *table, uint32_t x, uint32_t bits, uint32_t limit)
{
    uint32_t index = x >> bits;
    if (index >= GROAT_SIGMOID_ENTRIES - 1) {
        return limit << bits;
    }
    uint32_t rest = x & ((1u << bits) - 1u);
    return ((uint32_t)table[index] << bits) + rest * ((uint32_t)table[index + 1] - table[index]);
}

/* Halves go towards plus infinity for positive arguments and towards minus infinity for negative ones. */
static inline int16_t groat_logistic_s16(const uint16_t *table, int32_t x)
{
    uint32_t y = groat_sigmoid_entry(table, (uint32_t)(x < 0 ? -x : x), 9, 0xFFFE);
    y = x < 0 ? (1u << 25) - y + (1u << 9) - 1u : y + (1u << 9);
    return (int16_t)(y >> 10);
}

static inline int16_t groat_tanh_s16(const uint16_t *table, int32_t x)
{
    int32_t y = (int32_t)groat_sigmoid_entry(table, (uint32_t)(x < 0 ? -x : x), 8, 0xFFFF) - (1 << 23);
    y = x < 0 ? (1 << 7) - 1 - y : y + (1 << 7);
    return (int16_t)(y >> 8);
}

#endif
