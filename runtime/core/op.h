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

/* How an op goes through images row by row: what one call of its `row` reads and makes. */
typedef struct groat_rows {
    uint32_t count; /* calls that make the output: its rows, or those of the input if the op adds them up */
    uint32_t extent; /* rows of each input that one call reads, */
    uint32_t stride; /* from row call * stride - pad on; those outside the image are padding */
    uint32_t pad;
    uint32_t before; /* bytes of padding that it reads in front of every row of its input, */
    uint32_t behind; /* and behind it */
    int8_t padding; /* what they must hold */
    uint8_t adds_up; /* sums in its scratch live from row to row; the output is there after the last */
} groat_rows;

/* An op as streams run it, row by row; its tensors are then [1, height, width, channels].  `check` runs once, at open,
 * after that of groat_op, and returns 0 for parameters or shapes that do not go row by row. */
typedef struct groat_row_op {
    int (*check)(const groat_call *call);
    void (*rows)(const groat_call *call, groat_rows *rows);
    uint32_t (*scratch_bytes)(const void *params); /* null: none */
    void (*row)(const groat_call *call, uint32_t index);
} groat_row_op;

#define GROAT_OP(id, NAME, name, flags, fields) extern const groat_op groat_op_##name;
#define GROAT_ROW_OP(NAME, name) extern const groat_row_op groat_row_op_##name;
#include "../ops/ops.def"
#undef GROAT_OP
#undef GROAT_ROW_OP

/* A row of ops.def as the executor sees it. */
typedef struct groat_op_row {
    const groat_op *op; /* null: left out of this build */
    uint16_t params_bytes; /* 0: no such row */
    uint16_t flags;
} groat_op_row;

/* The row of an op id; one with params_bytes 0 for an unknown id. */
groat_op_row groat_find_op(uint32_t id);

/* The same op row by row; null if it cannot, or is left out of this build. */
const groat_row_op *groat_find_row_op(uint32_t id);

/* Checks the streams of a model whose other tables and steps have been checked. */
int groat_check_streams(const groat_t *net);

/* Runs a stream; net->io gives and takes the rows of inputs and outputs that have no memory for all of them. */
void groat_run_stream(const groat_t *net, const groat_stream *stream);

/* ---- For `run` --------------------------------------------------------------------------------- */

static inline const void *groat_params(const groat_call *call)
{
    return call->net->base[GROAT_REGION_FILE] + call->step->params;
}

/* A constant at a byte offset of the file. */
static inline const void *groat_const(const groat_call *call, uint32_t offset)
{
    return call->net->base[GROAT_REGION_FILE] + offset;
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

/* A row of an argument, which is [1, height, width, channels]. */
static inline void *groat_row(const groat_call *call, uint32_t index, uint32_t y)
{
    return groat_tensor_row(call->net, groat_arg_tensor(call, index), y);
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
