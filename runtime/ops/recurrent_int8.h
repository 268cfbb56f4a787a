/* SPDX-License-Identifier: Apache-2.0
 *
 * What recurrent layers of int8 share: sums over inputs and over what was, as int16 in steps of 1 / 4096.
 */
#ifndef GROAT_OPS_RECURRENT_INT8_H
#define GROAT_OPS_RECURRENT_INT8_H

#include "../kernels/requantize.h"
#include "../kernels/select.h"
#include "recurrent.h"
#include "sigmoid_int16.h"

enum {
    GROAT_GATE_MULTIPLIER = 3 /* of a gate's sums to an argument of the logistic function */
};

static inline int groat_check_factors(const groat_factor *factors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        GROAT_REQUIRE(factors[i].multiplier >= 0 && factors[i].shift >= -31 && factors[i].shift <= 30);
    }
    return GROAT_OK;
}

/* Constants of so many gates. */
static inline int groat_check_gates(const groat_call *call, const groat_recurrent *r, uint32_t gates, uint32_t weights,
                                    uint32_t recurrent, uint32_t bias)
{
    const uint64_t rows = (uint64_t)gates * r->hidden;
    GROAT_TRY(groat_check_const(call, weights, rows * r->inputs));
    GROAT_TRY(groat_check_const(call, recurrent, rows * r->hidden));
    return groat_check_const(call, bias, 2 * rows * sizeof(int32_t));
}

static inline int16_t groat_saturate_s16(int32_t x)
{
    return (int16_t)groat_clamp(x, INT16_MIN, INT16_MAX);
}

static inline int8_t groat_saturate_s8(int32_t x)
{
    return (int8_t)groat_clamp(x, INT8_MIN, INT8_MAX);
}

static inline int16_t groat_scaled_s16(int32_t x, const groat_factor *factor)
{
    return groat_saturate_s16(groat_requantize(x, factor->multiplier, factor->shift));
}

#endif
