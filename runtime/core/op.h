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
    GROAT_INPLACE = 1,
    GROAT_PARALLEL = 2
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

/* Neighbouring pixels of a row, and where they go. */
typedef struct groat_part {
    uint32_t y;
    uint32_t x;
    uint32_t pixels;
    void *out; /* not set for ops that add up: their part is one of the input */
    uint8_t reach; /* enum groat_reach of its input, where the op gathers */
} groat_part;

/* How an op goes through images: part [y, x] of its output is made from the window of each input that starts at row
 * y * stride - pad and column x * stride_w - pad_w; what of it lies outside the image is padding. */
typedef struct groat_rows {
    uint32_t extent; /* rows of a window; */
    uint32_t extent_w; /* columns of that of a pixel */
    uint16_t stride;
    uint16_t stride_w;
    uint16_t pad;
    uint16_t pad_w;
    uint16_t dilation; /* rows from one tap to the next */
    uint8_t adds_up; /* it reads its input part by part, with sums in its scratch; the output is there after the last */
    uint8_t gathers; /* it reads by groat_gather; others read their parts by groat_part_of */
    uint8_t cuts; /* its windows are cut off at the border: it reads no padding */
    int8_t padding; /* what it reads outside */
} groat_rows;

/* How the rows of an input lie for windows over it. */
enum groat_reach {
    GROAT_PADDED = 0, /* each in one piece, with the padding beside it that they read, if any */
    GROAT_BARE = 1, /* each in one piece */
    GROAT_PIECES = 2
};

/* How much of a row an op makes at a time, and what of. */
typedef struct groat_unit {
    uint32_t pixels; /* of its output; where it adds up, of its input */
    uint8_t reach; /* of its input: enum groat_reach */
} groat_unit;

/* An op as streams run it, part by part; its tensors are then [1, height, width, channels].  `check` runs once, at open,
 * after that of groat_op, and returns 0 for parameters or shapes that do not go so. */
typedef struct groat_row_op {
    int (*check)(const groat_call *call);
    void (*rows)(const groat_call *call, groat_rows *rows);
    uint32_t (*scratch_bytes)(const void *params, const groat_unit *unit); /* null: none */
    void (*part)(const groat_call *call, const groat_part *part); /* of the output; of the input if it adds up */
} groat_row_op;

#define GROAT_OP(id, NAME, name, flags, fields) extern const groat_op groat_op_##name;
#define GROAT_ROW_OP(NAME, name) extern const groat_row_op groat_row_op_##name;
#include "../ops/ops.def"
#undef GROAT_OP
#undef GROAT_ROW_OP

/* A row of ops.def as the executor sees it. */
typedef struct groat_op_row {
    const groat_op *op; /* null: unknown, or left out of this build */
    uint16_t params_bytes;
    uint16_t flags;
} groat_op_row;

groat_op_row groat_find_op(uint32_t id);

/* Whether this version has ops of such an id, linked or not. */
int groat_is_op(uint32_t id);

/* Checks the table of states of a model whose other tables have been checked. */
int groat_check_states(const groat_t *net);

/* The same op row by row; null if it cannot, or is left out of this build. */
const groat_row_op *groat_find_row_op(uint32_t id);

/* Checks the streams of a model whose other tables and steps have been checked. */
int groat_check_streams(const groat_t *net);

/* Runs a stream; net->io gives and takes the rows of inputs and outputs that have no memory for all of them. */
void groat_run_stream(const groat_t *net, const groat_stream *stream);

/* ---- For `part` -------------------------------------------------------------------------------- */

/* Where the rows of a tensor lie: found once, for many of them. */
typedef struct groat_view {
    const groat_t *net;
    const groat_tensor *tensor;
    uint8_t *data;
    uint32_t pitch;
    uint32_t slots; /* row y is at data + y % slots * pitch; 0: rows lie in pieces, or in several lines */
    uint32_t pixel_bytes;
} groat_view;

static inline groat_view groat_view_of(const groat_t *net, const groat_tensor *tensor)
{
    groat_view view = {
        .net = net,
        .tensor = tensor,
        .data = groat_address(net, groat_buffer_of(net, tensor->buffer)),
        .pixel_bytes = groat_pixel_bytes(tensor),
    };
    if (!groat_is_ring(net, tensor)) {
        view.pitch = tensor->dims[2] * view.pixel_bytes;
        view.slots = UINT32_MAX;
        return view;
    }
    const groat_line *line = groat_line_of(net, tensor->line);
    if (groat_is_plain(line, tensor->dims[2])) {
        view.data += line->lead;
        view.pitch = line->pitch;
        view.slots = line->slots;
    }
    return view;
}

static inline uint8_t *groat_view_row(const groat_view *view, uint32_t y)
{
    return view->data + y % view->slots * view->pitch;
}

/* Where an input has the pixels of a part; they lie one behind the other. */
const void *groat_part_of(const groat_call *call, uint32_t index, const groat_part *part);

/* How an input lies for these windows. */
enum groat_reach groat_reach_of(const groat_call *call, uint32_t index, const groat_rows *rows);

/* Neighbouring columns of an input; x may be negative, and the last may lie behind the image. */
typedef struct groat_columns {
    groat_view view; /* of the input */
    int32_t x;
    uint32_t pixels;
    int8_t padding;
    uint8_t reach; /* of the part */
} groat_columns;

/* Where these columns of row y of the image lie.  That is where they are, if they lie there one behind the other; else
 * they are copied to `room`, with padding for those outside.  `tap` is the place of the row in the window. */
static inline const void *groat_gather(const groat_columns *columns, uint32_t tap, uint32_t y, void *room);

/* The same of rows that may lie in pieces, or end too soon. */
const void *groat_gather_pieces(const groat_columns *columns, uint32_t tap, uint32_t y, void *room);

static inline const void *groat_gather(const groat_columns *columns, uint32_t tap, uint32_t y, void *room)
{
    const groat_view *view = &columns->view;
    int inside = columns->x >= 0 && (uint32_t)columns->x + columns->pixels <= view->tensor->dims[2];
    if (view->slots > 0 && (inside || columns->reach == GROAT_PADDED)) {
        return groat_view_row(view, y) + columns->x * (int32_t)view->pixel_bytes;
    }
    return groat_gather_pieces(columns, tap, y, room);
}

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
