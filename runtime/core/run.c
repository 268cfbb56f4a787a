/* SPDX-License-Identifier: Apache-2.0
 *
 * The executor: walks the steps of a program, one op at a time.  Everything was checked at open.
 */
#include "op.h"

/* One op of a build: its row and its functions.
 *
 * A build that should hold only some ops defines GROAT_OPS_FILE as the name of a header with one line
 * GROAT_USE(CONV_2D, conv_2d) for each, and GROAT_USE_ROWS(CONV_2D, conv_2d) for those that streams run; the linker then
 * drops the rest.  One that should run no streams defines GROAT_NO_STREAMS. */
static const groat_op *const linked_ops[] = {
#ifdef GROAT_OPS_FILE
#define GROAT_USE_ROWS(NAME, name)
#define GROAT_USE(NAME, name) [GROAT_OP_##NAME] = &groat_op_##name,
#include GROAT_OPS_FILE
#undef GROAT_USE
#undef GROAT_USE_ROWS
#else
#define GROAT_OP(id, NAME, name, flags, fields) [id] = &groat_op_##name,
#include "../ops/ops.def"
#undef GROAT_OP
#endif
};

/* The rest of the rows of ops.def, of those ops. */
enum {
#define GROAT_OP(id, NAME, name, flags, fields) FLAGS_##NAME = (flags),
#include "../ops/ops.def"
#undef GROAT_OP
};

#define GROAT_ROW(NAME, name) [GROAT_OP_##NAME] = {sizeof(groat_##name##_params), FLAGS_##NAME},
static const struct {
    uint8_t params_bytes;
    uint8_t flags;
} rows[] = {
#ifdef GROAT_OPS_FILE
#define GROAT_USE_ROWS(NAME, name)
#define GROAT_USE(NAME, name) GROAT_ROW(NAME, name)
#include GROAT_OPS_FILE
#undef GROAT_USE
#undef GROAT_USE_ROWS
#else
#define GROAT_OP(id, NAME, name, flags, fields) GROAT_ROW(NAME, name)
#include "../ops/ops.def"
#undef GROAT_OP
#endif
};

groat_op_row groat_find_op(uint32_t id)
{
    groat_op_row row = {NULL, 0, 0};
    if (id < sizeof rows / sizeof rows[0]) {
        row.op = linked_ops[id];
        row.params_bytes = rows[id].params_bytes;
        row.flags = rows[id].flags;
    }
    return row;
}

/* Its size is one more than the largest id. */
union ids {
    char none;
#define GROAT_OP(id, NAME, name, flags, fields) char name[(id) + 1];
#include "../ops/ops.def"
#undef GROAT_OP
};

int groat_is_op(uint32_t id)
{
    return id > 0 && id < sizeof(union ids);
}

static void run_step(const groat_t *net, uint32_t index)
{
    const groat_call call = {net, groat_step_of(net, index)};
    linked_ops[call.step->op]->run(&call);
}

/* Runs a step, or the stream that starts with it.  Returns how many steps that was; 1 for one inside a stream. */
static uint32_t run_from(const groat_t *net, uint32_t index)
{
    const groat_stream *stream = groat_stream_with(net, index);
    if (stream == NULL) {
        run_step(net, index);
        return 1;
    }
    if (index == stream->first_step) {
        groat_run_stream(net, stream);
        return stream->step_count;
    }
    return 1;
}

void groat_run(const groat_t *net)
{
    const groat_program *program = groat_program_of(net, net->program);
    for (uint32_t i = 0; i < program->step_count;) {
        i += run_from(net, program->first_step + i);
    }
}

uint32_t groat_step_count(const groat_t *net)
{
    return groat_program_of(net, net->program)->step_count;
}

void groat_run_step(const groat_t *net, uint32_t step)
{
    if (step < groat_step_count(net)) {
        run_from(net, groat_program_of(net, net->program)->first_step + step);
    }
}

void groat_set_row_io(groat_t *net, const groat_row_io *io)
{
    net->io = io;
}

int groat_select(groat_t *net, uint32_t program)
{
    if (program >= groat_header_of(net)->programs.count) {
        return GROAT_E_ARGUMENT;
    }
    net->program = (uint16_t)program;
    return GROAT_OK;
}

/* ---- Tensors ------------------------------------------------------------------------------------- */

const groat_tensor *groat_tensor_at(const groat_t *net, uint32_t id)
{
    return id < groat_header_of(net)->tensors.count ? groat_tensor_of(net, id) : NULL;
}

const void *groat_tensor_data(const groat_t *net, uint32_t id)
{
    const groat_tensor *tensor = groat_tensor_at(net, id);
    int whole = tensor != NULL && !groat_is_ring(net, tensor);
    return whole ? groat_address(net, groat_buffer_of(net, tensor->buffer)) : NULL;
}

uint32_t groat_tensor_bytes(const groat_t *net, uint32_t id)
{
    const groat_tensor *tensor = groat_tensor_at(net, id);
    return tensor != NULL ? groat_elements(tensor) * groat_dtype_bytes(tensor->dtype) : 0;
}

/* The tensor id of an input or output of the program, or GROAT_NONE. */
static uint32_t io_id(const groat_t *net, uint32_t index, int output)
{
    const groat_program *program = groat_program_of(net, net->program);
    uint32_t count = output ? program->outputs : program->inputs;
    if (index >= count) {
        return GROAT_NONE;
    }
    return groat_arg(net, program->args + (output ? program->inputs : 0u) + index);
}

uint32_t groat_input_count(const groat_t *net)
{
    return groat_program_of(net, net->program)->inputs;
}

uint32_t groat_output_count(const groat_t *net)
{
    return groat_program_of(net, net->program)->outputs;
}

const groat_tensor *groat_input_tensor(const groat_t *net, uint32_t index)
{
    return groat_tensor_at(net, io_id(net, index, 0));
}

const groat_tensor *groat_output_tensor(const groat_t *net, uint32_t index)
{
    return groat_tensor_at(net, io_id(net, index, 1));
}

void *groat_input(const groat_t *net, uint32_t index)
{
    return (void *)(uintptr_t)groat_tensor_data(net, io_id(net, index, 0));
}

const void *groat_output(const groat_t *net, uint32_t index)
{
    return groat_tensor_data(net, io_id(net, index, 1));
}

int groat_input_by_rows(const groat_t *net, uint32_t index)
{
    const groat_tensor *tensor = groat_input_tensor(net, index);
    return tensor != NULL && groat_is_ring(net, tensor);
}

int groat_output_by_rows(const groat_t *net, uint32_t index)
{
    const groat_tensor *tensor = groat_output_tensor(net, index);
    return tensor != NULL && groat_is_ring(net, tensor);
}

uint32_t groat_input_bytes(const groat_t *net, uint32_t index)
{
    return groat_tensor_bytes(net, io_id(net, index, 0));
}

uint32_t groat_output_bytes(const groat_t *net, uint32_t index)
{
    return groat_tensor_bytes(net, io_id(net, index, 1));
}
