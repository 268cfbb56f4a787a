/* SPDX-License-Identifier: Apache-2.0
 *
 * What an op is to the executor, and what the executor is to an op.
 */
#ifndef GROAT_CORE_OP_H
#define GROAT_CORE_OP_H

#include "model.h"

/* All that the runtime takes from a C library; declared here because a freestanding one has no <string.h>. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

/* Flags of a row in ops.def. */
enum {
    GROAT_INPLACE = 1
};

/* One step of one model: all that an op's functions are given. */
typedef struct groat_call {
    const groat_t *net;
    const groat_step *step;
} groat_call;

/* An op.  `check` runs once, at open, after the tables have been checked, and must accept only what `run`
 * can execute without reading or writing outside its tensors, constants and scratch.  `run` trusts it. */
typedef struct groat_op {
    int (*check)(const groat_call *call);
    uint32_t (*scratch_bytes)(const void *params);  /* null: none; called with checked params only */
    void (*run)(const groat_call *call);
} groat_op;

#define GROAT_OP(id, NAME, name, flags, fields) extern const groat_op groat_op_##name;
#include "../ops/ops.def"
#undef GROAT_OP

/* A row of ops.def as the executor sees it. */
typedef struct groat_op_row {
    const groat_op *op;         /* null: left out of this build */
    uint16_t params_bytes;      /* 0: no such row */
    uint16_t flags;
} groat_op_row;

/* The row of an op id; one with params_bytes 0 for an unknown id. */
groat_op_row groat_find_op(uint32_t id);

/* ---- For `run` --------------------------------------------------------------------------------- */

static inline const void *groat_params(const groat_call *call)
{
    return call->net->model + call->step->params;
}

/* A constant at a byte offset of the file. */
static inline const void *groat_const(const groat_call *call, uint32_t offset)
{
    return call->net->model + offset;
}

/* The tensor of an argument: inputs first, then outputs. */
static inline const groat_tensor *groat_arg_tensor(const groat_call *call, uint32_t index)
{
    return groat_tensor_of(call->net, groat_arg(call->net, call->step->args + index));
}

static inline void *groat_arg_data(const groat_call *call, uint32_t index)
{
    return groat_address(call->net, groat_buffer_of(call->net, groat_arg_tensor(call, index)->buffer));
}

static inline const void *groat_in(const groat_call *call, uint32_t index)
{
    return groat_arg_data(call, index);
}

static inline void *groat_out(const groat_call *call, uint32_t index)
{
    return groat_arg_data(call, call->step->inputs + index);
}

static inline void *groat_scratch(const groat_call *call)
{
    return groat_address(call->net, groat_buffer_of(call->net, call->step->scratch));
}

/* ---- For `check` ------------------------------------------------------------------------------- */

#define GROAT_TRY(expression)             \
    do {                                  \
        int groat_status_ = (expression); \
        if (groat_status_ != GROAT_OK) {  \
            return groat_status_;         \
        }                                 \
    } while (0)

/* GROAT_E_PARAMS unless the condition holds. */
#define GROAT_REQUIRE(condition)   \
    do {                           \
        if (!(condition)) {        \
            return GROAT_E_PARAMS; \
        }                          \
    } while (0)

/* The step has exactly this many inputs and outputs. */
int groat_check_counts(const groat_call *call, uint32_t inputs, uint32_t outputs);

/* An argument (inputs first, then outputs) has this type and this many elements. */
int groat_check_tensor(const groat_call *call, uint32_t index, uint8_t dtype, uint64_t elements);

/* `bytes` bytes from `offset` on lie in the file, aligned to GROAT_ALIGN. */
int groat_check_const(const groat_call *call, uint32_t offset, uint64_t bytes);

/* Product of `count` factors; 0 when it does not fit 32 bits. */
uint32_t groat_product(const uint32_t *factors, uint32_t count);

#endif
