/* SPDX-License-Identifier: Apache-2.0
 *
 * What recurrent layers share: their tensors, and the walk over steps.
 */
#ifndef GROAT_OPS_RECURRENT_H
#define GROAT_OPS_RECURRENT_H

#include "../core/op.h"

/* What a layer keeps from step to step: up to two tensors [batches, hidden], inputs and outputs alike. */
typedef struct groat_carried {
    uint8_t count;
    uint8_t dtypes[2];
} groat_carried;

/* The tensors of a layer whose x and y have a type.  What it starts from and what it ends with may be one, a state; no
 * other output may lie over an input. */
static inline int groat_check_recurrent(const groat_call *call, const groat_recurrent *r, uint8_t dtype,
                                        const groat_carried *carried)
{
    const uint32_t inputs = 1u + (r->initial ? carried->count : 0u), outputs = 1u + (r->final ? carried->count : 0u);
    GROAT_REQUIRE((r->reverse | r->batch_major | r->initial | r->final) <= 1);
    GROAT_TRY(groat_check_counts(call, inputs, outputs));
    const uint32_t x[3] = {r->steps, r->batches, r->inputs}, y[3] = {r->steps, r->batches, r->hidden};
    const uint32_t read = groat_product(x, 3), written = groat_product(y, 3);
    GROAT_REQUIRE(read > 0 && written > 0 && r->inputs <= UINT16_MAX && r->hidden <= UINT16_MAX);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, read));
    GROAT_TRY(groat_check_tensor(call, inputs, dtype, written));
    for (uint32_t i = 1; i < inputs; i++) {
        GROAT_TRY(groat_check_tensor(call, i, carried->dtypes[i - 1], y[1] * (uint64_t)y[2]));
    }
    for (uint32_t o = 1; o < outputs; o++) {
        GROAT_TRY(groat_check_tensor(call, inputs + o, carried->dtypes[o - 1], y[1] * (uint64_t)y[2]));
    }
    for (uint32_t o = 0; o < outputs; o++) {
        for (uint32_t i = 0; i < inputs; i++) {
            if ((i != o || o == 0) && groat_arg_tensor(call, i)->buffer == groat_arg_tensor(call, inputs + o)->buffer) {
                return GROAT_E_OVERLAP;
            }
        }
    }
    return GROAT_OK;
}

/* Which row of x and y a step of a batch is. */
static inline uint32_t groat_recurrent_row(const groat_recurrent *r, uint32_t batch, uint32_t step)
{
    const uint32_t at = r->reverse ? r->steps - 1 - step : step;
    return r->batch_major ? batch * r->steps + at : at * r->batches + batch;
}

/* What a batch starts from, of the carried tensor `index`; null: zeros. */
static inline const void *groat_recurrent_initial(const groat_call *call, const groat_recurrent *r, uint32_t index,
                                                  uint32_t batch, uint32_t element_bytes)
{
    const uint32_t at = batch * r->hidden * element_bytes;
    return r->initial ? (const uint8_t *)groat_in(call, 1 + index) + at : NULL;
}

/* Where what a batch ends with goes, of the carried tensor `index`; null: nowhere. */
static inline void *groat_recurrent_final(const groat_call *call, const groat_recurrent *r, uint32_t index,
                                          uint32_t batch, uint32_t element_bytes)
{
    const uint32_t at = batch * r->hidden * element_bytes;
    return r->final ? (uint8_t *)groat_out(call, 1 + index) + at : NULL;
}

/* A row that starts as `from`, or as zeros if that is null; they may be the same. */
static inline void groat_recurrent_start(void *row, const void *from, uint32_t bytes)
{
    if (from == NULL) {
        memset(row, 0, bytes);
    } else if (from != row) {
        memcpy(row, from, bytes);
    }
}

#endif
