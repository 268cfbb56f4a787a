/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: steps that run together, row by row, so that of a tensor between them only those rows need memory that a
 * later step still reads.  A row is made when it is needed, and the walk from need to need is the same in the check at
 * open and in a run: what the one has seen to be safe, the other does.
 */
#include "op.h"

/* GROAT_E_STREAM unless the condition holds. */
#define GROAT_REQUIRE_STREAM(condition) \
    do {                                \
        if (!(condition)) {             \
            return GROAT_E_STREAM;      \
        }                               \
    } while (0)

#ifndef GROAT_NO_STREAMS

static const groat_row_op *const linked_row_ops[] = {
    [0] = NULL, /* no op has this id; a build may have no op that goes row by row */
#ifdef GROAT_OPS_FILE
#define GROAT_USE(NAME, name)
#define GROAT_USE_ROWS(NAME, name) [GROAT_OP_##NAME] = &groat_row_op_##name,
#include GROAT_OPS_FILE
#undef GROAT_USE
#undef GROAT_USE_ROWS
#else
#define GROAT_OP(id, NAME, name, flags, fields)
#define GROAT_ROW_OP(NAME, name) [GROAT_OP_##NAME] = &groat_row_op_##name,
#include "../ops/ops.def"
#undef GROAT_OP
#undef GROAT_ROW_OP
#endif
};

const groat_row_op *groat_find_row_op(uint32_t id)
{
    return id < sizeof linked_row_ops / sizeof linked_row_ops[0] ? linked_row_ops[id] : NULL;
}

/* ---- The walk -------------------------------------------------------------------------------------- */

/* What a walk knows of a line; two uint16_t of the stream's state. */
typedef struct progress {
    uint16_t made;              /* rows, or calls of an op that adds up */
    uint16_t asked_by;          /* the line whose next row waits for this one */
} progress;

/* A stream while it is walked. */
typedef struct walk {
    const groat_t *net;
    const groat_stream *stream;
    progress *lines;            /* of the stream */
} walk;

static groat_call call_of(const groat_t *net, uint32_t step)
{
    return (groat_call){net, groat_step_of(net, step)};
}

static groat_rows rows_of(const groat_call *call)
{
    groat_rows rows;
    linked_row_ops[call->step->op]->rows(call, &rows);
    return rows;
}

/* The number of a tensor's line within the stream; line_count or more if it is none of the stream's. */
static uint32_t line_index(const walk *w, const groat_tensor *tensor)
{
    return (uint32_t)tensor->line - w->stream->first_line;
}

/* The first row behind those that a call reads of an image with `height` rows. */
static uint32_t end_of(const groat_rows *rows, uint32_t index, uint32_t height)
{
    int32_t end = (int32_t)(index * rows->stride + rows->extent) - (int32_t)rows->pad;
    return end < 0 ? 0 : (uint32_t)end < height ? (uint32_t)end : height;
}

/* The input of a step whose rows do not suffice for its next row: its line.  line_count if all suffice. */
static uint32_t missing(const walk *w, const groat_call *call, const groat_rows *rows, uint32_t next)
{
    for (uint32_t i = 0; i < call->step->inputs; i++) {
        const groat_tensor *tensor = groat_arg_tensor(call, i);
        uint32_t index = line_index(w, tensor);
        if (index < w->stream->line_count && w->lines[index].made < end_of(rows, next, tensor->dims[1])) {
            return index;
        }
    }
    return w->stream->line_count;
}

/* What happens to row `next` of a line: it is checked, or made.  Returns a status. */
typedef int (*visit)(const walk *w, uint32_t index, uint32_t next);

/* Visits every row that is needed, each after those that it is made from. */
static int for_each_row(const walk *w, visit visit)
{
    uint32_t count = w->stream->line_count;
    for (uint32_t i = 0; i < count; i++) {
        w->lines[i].made = 0;
    }
    for (uint32_t last = count; last-- > 0;) {
        const groat_line *line = groat_line_of(w->net, w->stream->first_line + last);
        if (!line->kept) {
            continue;
        }
        for (uint32_t at = last;;) {
            line = groat_line_of(w->net, w->stream->first_line + at);
            uint32_t next = w->lines[at].made;
            if (line->step != GROAT_NONE) {
                const groat_call call = call_of(w->net, line->step);
                const groat_rows rows = rows_of(&call);
                if (at == last && next == rows.count) {
                    break;
                }
                uint32_t wanted = missing(w, &call, &rows, next);
                if (wanted < count) {
                    w->lines[wanted].asked_by = (uint16_t)at;
                    at = wanted;
                    continue;
                }
            }
            GROAT_TRY(visit(w, at, next));
            w->lines[at].made++;
            at = at == last ? last : w->lines[at].asked_by;
        }
    }
    return GROAT_OK;
}

/* ---- Whose a line is ------------------------------------------------------------------------------- */

static int inside(const groat_stream *stream, uint32_t step)
{
    return step >= stream->first_step && step < (uint32_t)stream->first_step + stream->step_count;
}

/* Whether a program is a stream's: all of it lies in the program's steps. */
static int holds(const groat_program *program, const groat_stream *stream)
{
    return stream->first_step >= program->first_step &&
           (uint32_t)stream->first_step + stream->step_count <= (uint32_t)program->first_step + program->step_count;
}

/* The tensor that a line belongs to: what its step writes, or an input of every program that runs the stream.
 * tensors.count if there is none. */
static uint32_t owner_of(const groat_t *net, const groat_stream *stream, uint32_t id)
{
    const groat_header *header = groat_header_of(net);
    const groat_line *line = groat_line_of(net, id);
    uint32_t owner = header->tensors.count;
    if (line->step != GROAT_NONE) {
        const groat_step *step = groat_step_of(net, line->step);
        return inside(stream, line->step) ? groat_arg(net, (uint32_t)step->args + step->inputs) : owner;
    }
    for (uint32_t p = 0; p < header->programs.count; p++) {
        const groat_program *program = groat_program_of(net, p);
        uint32_t found = header->tensors.count;
        for (uint32_t i = 0; i < program->inputs && holds(program, stream); i++) {
            uint32_t tensor = groat_arg(net, (uint32_t)program->args + i);
            found = groat_tensor_of(net, tensor)->line == id ? tensor : found;
        }
        if (holds(program, stream)) {
            if (owner < header->tensors.count && owner != found) {
                return header->tensors.count;
            }
            owner = found;
        }
    }
    return owner;
}

/* ---- Running --------------------------------------------------------------------------------------- */

/* Which of `count` arguments from `first` on a tensor is. */
static uint32_t io_index(const groat_t *net, uint32_t tensor, uint32_t first, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && groat_arg(net, first + i) != tensor) {
        i++;
    }
    return i;
}

static int make_row(const walk *w, uint32_t index, uint32_t next)
{
    const groat_row_io *io = w->net->io;
    const groat_t *net = w->net;
    const groat_program *program = groat_program_of(net, net->program);
    uint32_t id = (uint32_t)w->stream->first_line + index;
    const groat_line *line = groat_line_of(net, id);
    if (line->step == GROAT_NONE) {
        uint32_t owner = owner_of(net, w->stream, id);
        const groat_tensor *tensor = groat_tensor_of(net, owner);
        if (io != NULL && io->read != NULL) {
            io->read(io->context, io_index(net, owner, program->args, program->inputs), next,
                     groat_tensor_row(net, tensor, next), groat_row_bytes(tensor));
        }
        return GROAT_OK;
    }
    const groat_call call = call_of(net, line->step);
    linked_row_ops[call.step->op]->row(&call, next);
    const groat_tensor *tensor = groat_arg_tensor(&call, call.step->inputs);
    if (line->kept && groat_is_ring(net, tensor) && io != NULL && io->write != NULL) {
        uint32_t owner = groat_arg(net, (uint32_t)call.step->args + call.step->inputs);
        io->write(io->context, io_index(net, owner, (uint32_t)program->args + program->inputs, program->outputs), next,
                  groat_tensor_row(net, tensor, next), groat_row_bytes(tensor));
    }
    return GROAT_OK;
}

void groat_run_stream(const groat_t *net, const groat_stream *stream)
{
    const walk w = {net, stream, groat_address(net, groat_buffer_of(net, stream->state))};
    /* The padding around the rows, once: rows never touch it. */
    for (uint32_t s = stream->first_step; s < (uint32_t)stream->first_step + stream->step_count; s++) {
        const groat_call call = call_of(net, s);
        for (uint32_t i = 0; i < (uint32_t)call.step->inputs + call.step->outputs; i++) {
            const groat_tensor *tensor = groat_arg_tensor(&call, i);
            if (line_index(&w, tensor) < stream->line_count) {
                const groat_line *line = groat_line_of(net, tensor->line);
                const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
                if (groat_is_ring(net, tensor)) {
                    memset(groat_address(net, buffer), line->padding, buffer->bytes);
                }
            }
        }
    }
    for_each_row(&w, make_row);
}

/* ---- Checking -------------------------------------------------------------------------------------- */

/* A buffer of the arena that holds something throughout the stream, so that no other one does at its place. */
static int lives_through(const groat_t *net, const groat_stream *stream, uint32_t buffer)
{
    const groat_buffer *b = groat_buffer_of(net, buffer);
    return groat_is_const(b) || (b->first_step <= stream->first_step &&
                                 b->last_step + 1u >= (uint32_t)stream->first_step + stream->step_count);
}

static int apart(const groat_program *program, const groat_stream *stream)
{
    return stream->first_step >= (uint32_t)program->first_step + program->step_count ||
           (uint32_t)stream->first_step + stream->step_count <= program->first_step;
}

static int is_output(const groat_t *net, const groat_stream *stream, uint32_t tensor)
{
    for (uint32_t p = 0; p < groat_header_of(net)->programs.count; p++) {
        const groat_program *program = groat_program_of(net, p);
        int found = !holds(program, stream);
        for (uint32_t i = 0; i < program->outputs; i++) {
            found |= groat_arg(net, (uint32_t)program->args + program->inputs + i) == tensor;
        }
        if (!found) {
            return 0;
        }
    }
    return 1;
}

/* A line's own numbers, and those of the tensor that has it. */
static int check_line(const groat_t *net, const groat_stream *stream, uint32_t id)
{
    const groat_line *line = groat_line_of(net, id);
    GROAT_REQUIRE_STREAM(line->step == GROAT_NONE || line->step < groat_header_of(net)->steps.count);
    uint32_t owner = owner_of(net, stream, id);
    GROAT_REQUIRE_STREAM(owner < groat_header_of(net)->tensors.count);
    const groat_tensor *tensor = groat_tensor_of(net, owner);
    const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
    uint32_t row_bytes = groat_row_bytes(tensor);
    uint64_t bytes = line->lead + (uint64_t)(line->slots - 1u) * line->pitch + row_bytes;
    GROAT_REQUIRE_STREAM(tensor->line == id && line->slots > 0 && line->kept <= 1 && line->pitch >= row_bytes);
    GROAT_REQUIRE_STREAM(bytes <= buffer->bytes && !groat_is_const(buffer));
    /* Elements where their type wants them. */
    uint32_t element_bytes = groat_dtype_bytes(tensor->dtype);
    GROAT_REQUIRE_STREAM(line->lead % element_bytes == 0 && line->pitch % element_bytes == 0);
    /* What is read after the stream lies as usual, but for what goes out row by row. */
    int given = line->step == GROAT_NONE;
    GROAT_REQUIRE_STREAM(!line->kept || (!given && (!groat_is_ring(net, tensor) || is_output(net, stream, owner))));
    return lives_through(net, stream, tensor->buffer) ? GROAT_OK : GROAT_E_LIFETIME;
}

static int is_image(const groat_tensor *tensor)
{
    return tensor->dims[0] == 1 && tensor->dims[4] == 1 && tensor->dims[5] == 1;
}

/* One step of a stream: it goes row by row, and reads what it may. */
static int check_row_step(const walk *w, uint32_t index)
{
    const groat_t *net = w->net;
    const groat_call call = call_of(net, index);
    const groat_row_op *op = groat_find_row_op(call.step->op);
    if (op == NULL) {
        return GROAT_E_OP_NOT_LINKED;
    }
    GROAT_REQUIRE_STREAM(call.step->outputs == 1);
    const groat_tensor *out = groat_arg_tensor(&call, call.step->inputs);
    GROAT_REQUIRE_STREAM(line_index(w, out) < w->stream->line_count);
    GROAT_REQUIRE_STREAM(groat_line_of(net, out->line)->step == index && is_image(out));
    for (uint32_t i = 0; i < call.step->inputs; i++) {
        GROAT_REQUIRE_STREAM(is_image(groat_arg_tensor(&call, i)));
    }
    GROAT_REQUIRE_STREAM(op->check(&call));
    groat_rows rows;
    op->rows(&call, &rows);
    GROAT_REQUIRE_STREAM(rows.count <= UINT16_MAX);
    GROAT_REQUIRE_STREAM(rows.adds_up ? groat_line_of(net, out->line)->kept && !groat_is_ring(net, out)
                                      : rows.count == out->dims[1]);
    for (uint32_t i = 0; i < call.step->inputs; i++) {
        const groat_tensor *in = groat_arg_tensor(&call, i);
        uint32_t around = rows.before > rows.behind ? rows.before : rows.behind;
        if (!lives_through(net, w->stream, in->buffer)) {
            return GROAT_E_LIFETIME;
        }
        if (line_index(w, in) >= w->stream->line_count) {
            /* Whole, from before the stream; nothing in the stream may write where it lies. */
            GROAT_REQUIRE_STREAM(!groat_is_ring(net, in) && around == 0);
            for (uint32_t k = 0; k < w->stream->line_count; k++) {
                uint32_t owner = owner_of(net, w->stream, (uint32_t)w->stream->first_line + k);
                if (groat_tensor_of(net, owner)->buffer == in->buffer) {
                    return GROAT_E_OVERLAP;
                }
            }
            continue;
        }
        const groat_line *line = groat_line_of(net, in->line);
        GROAT_REQUIRE_STREAM(owner_of(net, w->stream, in->line) == groat_arg(net, (uint32_t)call.step->args + i));
        GROAT_REQUIRE_STREAM(line->step == GROAT_NONE || line->step < index);
        uint32_t row_bytes = groat_row_bytes(in);
        uint64_t end = line->lead + (uint64_t)(line->slots - 1u) * line->pitch + row_bytes + rows.behind;
        GROAT_REQUIRE_STREAM(rows.before <= line->lead && around <= line->pitch - row_bytes);
        GROAT_REQUIRE_STREAM(end <= groat_buffer_of(net, in->buffer)->bytes);
        GROAT_REQUIRE_STREAM(around == 0 || line->padding == rows.padding);
        if (line->step != GROAT_NONE) { /* what is added up is there after the stream only */
            const groat_call maker = call_of(net, line->step);
            GROAT_REQUIRE_STREAM(!rows_of(&maker).adds_up);
        }
    }
    return GROAT_OK;
}

/* Scratch may be shared by the steps of a stream, but not where sums are kept in it, and never with a tensor. */
static int check_row_scratch(const walk *w, uint32_t index)
{
    const groat_t *net = w->net;
    const groat_call call = call_of(net, index);
    const groat_row_op *op = linked_row_ops[call.step->op];
    uint32_t bytes = op->scratch_bytes != NULL ? op->scratch_bytes(groat_params(&call)) : 0;
    if (bytes == 0) {
        return GROAT_OK;
    }
    if (call.step->scratch >= groat_header_of(net)->buffers.count) {
        return GROAT_E_SCRATCH;
    }
    const groat_buffer *scratch = groat_buffer_of(net, call.step->scratch);
    if (groat_is_const(scratch) || scratch->bytes < bytes || !lives_through(net, w->stream, call.step->scratch) ||
        call.step->scratch == w->stream->state) {
        return GROAT_E_SCRATCH;
    }
    for (uint32_t t = 0; t < groat_header_of(net)->tensors.count; t++) {
        if (groat_tensor_of(net, t)->buffer == call.step->scratch) {
            return GROAT_E_OVERLAP;
        }
    }
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t s = w->stream->first_step; s < end && rows_of(&call).adds_up; s++) {
        if (s != index && groat_step_of(net, s)->scratch == call.step->scratch) {
            return GROAT_E_SCRATCH;
        }
    }
    return GROAT_OK;
}

/* The first row of a line that a step still reads after `done` of its calls; the line's end if none. */
static uint32_t first_needed(const groat_call *call, const groat_tensor *in, uint32_t done)
{
    const groat_rows rows = rows_of(call);
    if (done >= rows.count) {
        return in->dims[1];
    }
    int32_t first = (int32_t)(done * rows.stride) - (int32_t)rows.pad;
    return first > 0 ? (uint32_t)first : 0;
}

/* Row `next` of a line goes into a slot that holds nothing any more. */
static int check_row(const walk *w, uint32_t index, uint32_t next)
{
    const groat_t *net = w->net;
    uint32_t id = (uint32_t)w->stream->first_line + index;
    const groat_line *line = groat_line_of(net, id);
    uint32_t own = owner_of(net, w->stream, id);
    uint32_t buffer = groat_tensor_of(net, own)->buffer;
    int sums = 0;
    if (line->step != GROAT_NONE) {
        const groat_call maker = call_of(net, line->step);
        sums = rows_of(&maker).adds_up;
    }
    for (uint32_t k = 0; k < w->stream->line_count; k++) {
        uint32_t other_id = (uint32_t)w->stream->first_line + k;
        uint32_t owner = owner_of(net, w->stream, other_id);
        const groat_tensor *tensor = groat_tensor_of(net, owner);
        if (tensor->buffer != buffer) {
            continue;
        }
        if (sums) { /* its calls are no rows of it */
            if (k != index) {
                return GROAT_E_OVERLAP;
            }
            continue;
        }
        const groat_line *other = groat_line_of(net, other_id);
        if (other->slots != line->slots || other->pitch != line->pitch || other->lead != line->lead) {
            return GROAT_E_OVERLAP;
        }
        uint32_t first = tensor->dims[1];
        uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
        for (uint32_t s = w->stream->first_step; s < end; s++) {
            const groat_call call = call_of(net, s);
            for (uint32_t i = 0; i < call.step->inputs; i++) {
                if (groat_arg(net, (uint32_t)call.step->args + i) != owner) {
                    continue;
                }
                uint32_t out = line_index(w, groat_arg_tensor(&call, call.step->inputs));
                uint32_t done = w->lines[out].made;
                if (s == line->step) {
                    /* In place: it reads this very row and no other, which is free from now on. */
                    const groat_rows rows = rows_of(&call);
                    if (rows.extent != 1 || rows.stride != 1 || rows.pad != 0) {
                        return GROAT_E_OVERLAP;
                    }
                    done++;
                }
                uint32_t needed = first_needed(&call, tensor, done);
                first = needed < first ? needed : first;
            }
        }
        if (other->kept && !groat_is_ring(net, tensor)) {
            first = 0;
        }
        /* The first row from `first` on that lies in this slot. */
        uint32_t slots = line->slots;
        uint32_t there = first + (next % slots + slots - first % slots) % slots;
        if (there < w->lines[k].made) {
            return GROAT_E_OVERLAP;
        }
    }
    return GROAT_OK;
}

static int check_stream(const groat_t *net, const groat_stream *stream)
{
    const groat_header *header = groat_header_of(net);
    uint32_t end = (uint32_t)stream->first_step + stream->step_count;
    GROAT_REQUIRE_STREAM(stream->step_count > 0 && end <= header->steps.count);
    GROAT_REQUIRE_STREAM(stream->line_count > 0 && stream->line_count <= GROAT_STREAM_LINES_MAX);
    GROAT_REQUIRE_STREAM((uint32_t)stream->first_line + stream->line_count <= header->lines.count);
    for (uint32_t p = 0; p < header->programs.count; p++) {
        const groat_program *program = groat_program_of(net, p);
        GROAT_REQUIRE_STREAM(holds(program, stream) || apart(program, stream));
    }
    if (stream->state >= header->buffers.count || !lives_through(net, stream, stream->state)) {
        return GROAT_E_SCRATCH;
    }
    const groat_buffer *state = groat_buffer_of(net, stream->state);
    if (groat_is_const(state) || state->bytes < stream->line_count * sizeof(progress)) {
        return GROAT_E_SCRATCH;
    }
    progress lines[GROAT_STREAM_LINES_MAX]; /* the arena is not touched before a run */
    const walk w = {net, stream, lines};
    for (uint32_t i = 0; i < stream->line_count; i++) {
        uint32_t id = (uint32_t)stream->first_line + i;
        GROAT_TRY(check_line(net, stream, id));
    }
    for (uint32_t t = 0; t < header->tensors.count; t++) {
        if (groat_tensor_of(net, t)->buffer == stream->state) {
            return GROAT_E_OVERLAP;
        }
    }
    for (uint32_t s = stream->first_step; s < end; s++) {
        GROAT_TRY(check_row_step(&w, s));
    }
    for (uint32_t s = stream->first_step; s < end; s++) {
        GROAT_TRY(check_row_scratch(&w, s));
    }
    return for_each_row(&w, check_row);
}

int groat_check_streams(const groat_t *net)
{
    const groat_header *header = groat_header_of(net);
    uint32_t lines = 0;
    uint32_t free_step = 0; /* behind the streams so far */
    for (uint32_t i = 0; i < header->streams.count; i++) {
        const groat_stream *stream = groat_stream_of(net, i);
        GROAT_REQUIRE_STREAM(stream->first_step >= free_step && stream->first_line == lines);
        GROAT_TRY(check_stream(net, stream));
        free_step = (uint32_t)stream->first_step + stream->step_count;
        lines += stream->line_count;
    }
    GROAT_REQUIRE_STREAM(lines == header->lines.count);
    return GROAT_OK;
}

#endif
