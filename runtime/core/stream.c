/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: steps that run together, part by part, so that of a tensor between them only those pixels need memory that a
 * later step still reads.  A unit is made when it is needed, and the walk from need to need is the same in the check at
 * open and in a run: what the one has seen to be safe, the other does.
 */
#include "op.h"
#include "units.h"

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

static uint32_t minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

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

static const groat_tensor *output_of(const groat_call *call)
{
    return groat_arg_tensor(call, call->step->inputs);
}

static uint32_t units_in(const groat_line *line, const groat_tensor *tensor)
{
    return groat_units_of(line, tensor->dims[1], tensor->dims[2]);
}

/* ---- Places ---------------------------------------------------------------------------------------- */

/* The line of a tensor that has row y for a tap; null if none has. */
static const groat_line *line_for(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y)
{
    const groat_line *line = groat_line_of(net, tensor->line);
    for (uint32_t left = line->more;; left--, line++) {
        int taps = line->taps == 0 || tap - line->first_tap < line->taps;
        if (taps && y >= line->first_row && (y - line->first_row) % line->row_step == 0) {
            return line;
        }
        if (left == 0) {
            return NULL;
        }
    }
}

/* Where a pixel lies, and how many from there on lie one behind the other, of its row. */
static uint8_t *place(const groat_t *net, const groat_tensor *tensor, const groat_line *line, uint32_t y, uint32_t x,
                      uint32_t *run)
{
    uint8_t *data = groat_address(net, groat_buffer_of(net, tensor->buffer));
    uint32_t width = tensor->dims[2];
    *run = width - x;
    if (line == NULL || line->slots == 0) {
        return data + (y * width + x) * groat_pixel_bytes(tensor);
    }
    uint32_t row = (y - line->first_row) / line->row_step;
    if (line->span >= width) {
        return data + line->lead + row % line->slots * line->pitch + x * groat_pixel_bytes(tensor);
    }
    uint32_t slot = (row * groat_units_in_row(line, width) + x / line->span) % line->slots;
    uint32_t before = x % line->span;
    *run = minimum(*run, (uint32_t)(line->slots - slot) * line->span - before);
    return data + line->lead + slot * line->pitch + before * groat_pixel_bytes(tensor);
}

static uint8_t *place_of(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y, uint32_t x,
                         uint32_t *run)
{
    return place(net, tensor, groat_is_ring(net, tensor) ? line_for(net, tensor, tap, y) : NULL, y, x, run);
}

const void *groat_part_of(const groat_call *call, uint32_t index, const groat_part *part)
{
    const groat_tensor *tensor = groat_arg_tensor(call, index);
    const groat_view view = groat_view_of(call->net, tensor);
    if (view.slots > 0) {
        return groat_view_row(&view, part->y) + part->x * view.pixel_bytes;
    }
    uint32_t run;
    return place_of(call->net, tensor, 0, part->y, part->x, &run);
}

/* Bytes of padding that windows read behind a row. */
static uint32_t behind(const groat_call *call, const groat_tensor *in, const groat_rows *rows)
{
    uint32_t columns = (output_of(call)->dims[2] - 1) * rows->stride_w + rows->extent_w;
    uint32_t seen = in->dims[2] + rows->pad_w;
    return columns > seen ? (columns - seen) * groat_pixel_bytes(in) : 0;
}

enum groat_reach groat_reach_of(const groat_call *call, uint32_t index, const groat_rows *rows)
{
    const groat_tensor *in = groat_arg_tensor(call, index);
    int is_ring = groat_is_ring(call->net, in);
    const groat_line *line = is_ring ? groat_line_of(call->net, in->line) : NULL;
    if (is_ring && line->span < in->dims[2]) {
        return GROAT_PIECES;
    }
    if (rows->cuts) {
        return GROAT_PADDED;
    }
    uint32_t after = behind(call, in, rows), before = rows->pad_w * groat_pixel_bytes(in);
    uint32_t beside = before > after ? before : after;
    if (beside == 0) {
        return GROAT_PADDED;
    }
    int room = is_ring && line->lead >= before && line->pitch >= groat_row_bytes(in) + beside;
    return room && line->padding == rows->padding ? GROAT_PADDED : GROAT_BARE;
}

const void *groat_gather_pieces(const groat_columns *c, uint32_t tap, uint32_t y, void *room)
{
    const groat_t *net = c->view.net;
    const groat_tensor *in = c->view.tensor;
    uint32_t pixel = c->view.pixel_bytes;
    int32_t width = (int32_t)in->dims[2], end = c->x + (int32_t)c->pixels;
    int32_t x = c->x < 0 ? 0 : c->x, stop = end < width ? end : width;
    uint32_t before = (uint32_t)(x - c->x) * pixel;
    uint32_t run;
    const uint8_t *from = place_of(net, in, tap, y, (uint32_t)x, &run);
    if (c->reach == GROAT_PADDED || ((int32_t)run >= stop - x && before == 0 && stop == end)) {
        return from - before;
    }
    uint8_t *to = room;
    memset(to, c->padding, before);
    to += before;
    while (x < stop) {
        uint32_t count = minimum(run, (uint32_t)(stop - x));
        memcpy(to, from, count * pixel);
        to += count * pixel;
        x += (int32_t)count;
        if (x < stop) {
            from = place_of(net, in, tap, y, (uint32_t)x, &run);
        }
    }
    memset(to, c->padding, (uint32_t)(end - stop) * pixel);
    return room;
}

/* ---- The walk -------------------------------------------------------------------------------------- */

/* What a walk knows of a line; two uint16_t of the stream's state. */
typedef struct progress {
    uint16_t made;     /* units, or calls of an op that adds up */
    uint16_t asked_by; /* the line whose next unit waits for one of this, or GROAT_NONE */
} progress;

enum {
    GLANCE_INPUTS = 2,
    NO_LINE = 0xFF
};

/* What is the same for all calls of a line's op, where they and what they read are whole rows: call n reads the rows
 * before row n * stride + end. */
typedef struct glance {
    uint8_t stride; /* 0: it is not so */
    uint8_t reach : 7; /* of a part */
    uint8_t adds_up : 1;
    int8_t end;
    uint8_t from[GLANCE_INPUTS]; /* the lines of what it reads, or NO_LINE */
} glance;

/* A stream while it is walked. */
typedef struct walk {
    const groat_t *net;
    const groat_stream *stream;
    progress *lines; /* of the stream */
    glance *glances;
    const groat_line *table;
} walk;

static const groat_line *line_at(const walk *w, uint32_t index)
{
    return w->table + index;
}

/* The number of a tensor's first line within the stream; line_count or more if it is none of the stream's. */
static uint32_t line_index(const walk *w, const groat_tensor *tensor)
{
    return (uint32_t)tensor->line - w->stream->first_line;
}

/* How often the op of a line is called. */
static uint32_t calls_of(const walk *w, const groat_call *call, const groat_rows *rows, const groat_line *line)
{
    if (!rows->adds_up) {
        return units_in(line, output_of(call));
    }
    const groat_tensor *in = groat_arg_tensor(call, 0);
    uint32_t index = line_index(w, in);
    return index < w->stream->line_count ? units_in(line_at(w, index), in) : in->dims[1];
}

/* What call `next` of a line's op makes; of one that adds up, what it reads. */
static groat_part part_of_call(const walk *w, const groat_call *call, const groat_rows *rows, const groat_line *line,
                               uint32_t next)
{
    if (!rows->adds_up) {
        return groat_part_at(line, output_of(call)->dims[2], next);
    }
    const groat_tensor *in = groat_arg_tensor(call, 0);
    uint32_t index = line_index(w, in);
    if (index < w->stream->line_count) {
        return groat_part_at(line_at(w, index), in->dims[2], next);
    }
    return (groat_part){next, 0, in->dims[2], NULL, 0};
}

/* A line that lacks units which a part is made from; line_count if none does. */
static uint32_t missing(const walk *w, const groat_call *call, const groat_rows *rows, const groat_part *part,
                        uint32_t next)
{
    for (uint32_t i = 0; i < call->step->inputs; i++) {
        const groat_tensor *tensor = groat_arg_tensor(call, i);
        uint32_t index = line_index(w, tensor);
        if (index >= w->stream->line_count) {
            continue;
        }
        const groat_line *line = line_at(w, index);
        for (uint32_t left = line->more;; left--, line++, index++) {
            uint32_t end = rows->adds_up ? next + 1 : groat_end_of(rows, line, tensor->dims[1], tensor->dims[2], part);
            if (w->lines[index].made < end) {
                return index;
            }
            if (left == 0) {
                break;
            }
        }
    }
    return w->stream->line_count;
}

static uint8_t reach_of(const groat_call *call, const groat_rows *rows)
{
    return rows->gathers ? (uint8_t)groat_reach_of(call, 0, rows) : 0;
}

static glance glance_at(const walk *w, uint32_t index)
{
    glance found = {.stride = 0};
    const groat_line *line = line_at(w, index);
    if (line->step == GROAT_NONE) {
        return found;
    }
    const groat_call call = call_of(w->net, line->step);
    const groat_rows rows = rows_of(&call);
    const groat_tensor *out = output_of(&call);
    int64_t end = (int64_t)rows.extent - rows.pad;
    int plain = end >= INT8_MIN && end <= INT8_MAX && rows.stride <= UINT8_MAX && call.step->inputs <= GLANCE_INPUTS;
    plain = plain && (rows.adds_up || groat_is_plain(line, out->dims[2]));
    for (uint32_t i = 0; i < call.step->inputs && plain; i++) {
        const groat_tensor *tensor = groat_arg_tensor(&call, i);
        uint32_t from = line_index(w, tensor);
        int comes = from < w->stream->line_count;
        plain = !comes || groat_is_plain(line_at(w, from), tensor->dims[2]);
        found.from[i] = comes ? (uint8_t)from : NO_LINE;
    }
    if (!plain) {
        return found;
    }
    for (uint32_t i = call.step->inputs; i < GLANCE_INPUTS; i++) {
        found.from[i] = NO_LINE;
    }
    found.stride = (uint8_t)rows.stride;
    found.end = (int8_t)end;
    found.reach = reach_of(&call, &rows);
    found.adds_up = rows.adds_up;
    return found;
}

/* How many rows an input of a line's op has. */
static int32_t rows_that_come(const walk *w, uint32_t index, uint32_t input)
{
    const groat_call call = call_of(w->net, line_at(w, index)->step);
    return (int32_t)groat_arg_tensor(&call, input)->dims[1];
}

/* The line that lacks some of what the next call of a line's op reads; line_count if none does. */
static uint32_t wanted_by(const walk *w, uint32_t index)
{
    uint32_t next = w->lines[index].made;
    const glance *g = &w->glances[index];
    if (g->stride == 0) {
        const groat_call call = call_of(w->net, line_at(w, index)->step);
        const groat_rows rows = rows_of(&call);
        const groat_part part = part_of_call(w, &call, &rows, line_at(w, index), next);
        return missing(w, &call, &rows, &part, next);
    }
    int32_t end = (int32_t)(next * g->stride) + g->end;
    for (uint32_t i = 0; i < GLANCE_INPUTS; i++) {
        if (g->from[i] == NO_LINE) {
            continue;
        }
        int32_t made = w->lines[g->from[i]].made;
        if (made < end && made < rows_that_come(w, index, i)) {
            return g->from[i];
        }
    }
    return w->stream->line_count;
}

/* What happens to the next unit of a line: it is checked, or made.  `call` is null for an input; `sums` says that its op
 * adds up.  Returns a status. */
typedef int (*visit)(const walk *w, uint32_t index, const groat_call *call, int sums, groat_part *part);

/* Visits what the next call of a line's op makes, or of an op that adds up what it reads. */
static int visit_next(const walk *w, uint32_t index, visit visit)
{
    uint32_t next = w->lines[index].made;
    const groat_line *line = line_at(w, index);
    if (line->step == GROAT_NONE) {
        groat_part part = {next, 0, 0, NULL, 0};
        return visit(w, index, NULL, 0, &part);
    }
    const groat_call call = call_of(w->net, line->step);
    const glance *g = &w->glances[index];
    if (g->stride > 0) {
        const groat_tensor *tensor = g->adds_up ? groat_arg_tensor(&call, 0) : output_of(&call);
        groat_part part = {next, 0, tensor->dims[2], NULL, g->reach};
        return visit(w, index, &call, g->adds_up, &part);
    }
    const groat_rows rows = rows_of(&call);
    groat_part part = part_of_call(w, &call, &rows, line, next);
    part.reach = reach_of(&call, &rows);
    return visit(w, index, &call, rows.adds_up, &part);
}

/* Visits the next unit of a line that goes along with another, if all is there that it is made from. */
static int go_along(const walk *w, uint32_t index, visit visit)
{
    const groat_line *line = line_at(w, index);
    const groat_call call = call_of(w->net, line->step);
    const groat_rows rows = rows_of(&call);
    uint32_t next = w->lines[index].made;
    if (w->lines[index].asked_by != GROAT_NONE || next >= calls_of(w, &call, &rows, line)) {
        return GROAT_OK;
    }
    if (wanted_by(w, index) < w->stream->line_count) {
        return GROAT_OK;
    }
    GROAT_TRY(visit_next(w, index, visit));
    w->lines[index].made++;
    return GROAT_OK;
}

/* Visits every unit that is needed, each after those that it is made from. */
static int for_each_unit(walk *w, visit visit)
{
    uint32_t count = w->stream->line_count;
    glance glances[GROAT_STREAM_LINES_MAX];
    w->glances = glances;
    for (uint32_t i = 0; i < count; i++) {
        w->lines[i] = (progress){0, GROAT_NONE};
        glances[i] = glance_at(w, i);
    }
    for (uint32_t last = count; last-- > 0;) {
        if (!line_at(w, last)->kept) {
            continue;
        }
        const groat_call of_last = call_of(w->net, line_at(w, last)->step);
        const groat_rows rows = rows_of(&of_last);
        const uint32_t calls = calls_of(w, &of_last, &rows, line_at(w, last));
        for (uint32_t at = last;;) {
            const groat_line *line = line_at(w, at);
            if (at == last && w->lines[at].made == calls) {
                break;
            }
            if (line->step != GROAT_NONE) {
                uint32_t wanted = wanted_by(w, at);
                if (wanted < count) {
                    w->lines[wanted].asked_by = (uint16_t)at;
                    at = wanted;
                    continue;
                }
            }
            GROAT_TRY(visit_next(w, at, visit));
            w->lines[at].made++;
            if (at != last) {
                uint32_t asked_by = w->lines[at].asked_by;
                w->lines[at].asked_by = GROAT_NONE;
                at = asked_by;
            }
            if (line->then != GROAT_NONE) {
                GROAT_TRY(go_along(w, (uint32_t)line->then - w->stream->first_line, visit));
            }
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

/* The input of the program that has a line; there is one. */
static uint32_t input_with(const groat_t *net, uint32_t line)
{
    const groat_program *program = groat_program_of(net, net->program);
    uint32_t i = 0;
    while (groat_tensor_of(net, groat_arg(net, program->args + i))->line != line) {
        i++;
    }
    return i;
}

/* Where a part of a line's tensor lies. */
static void *part_at(const walk *w, const groat_tensor *tensor, uint32_t index, const groat_part *part)
{
    const groat_line *line = line_at(w, index);
    if (line->slots > 0 && w->glances[index].stride > 0) { /* a whole row */
        uint8_t *data = groat_address(w->net, groat_buffer_of(w->net, tensor->buffer));
        return data + line->lead + part->y % line->slots * line->pitch;
    }
    uint32_t run;
    return place(w->net, tensor, line, part->y, part->x, &run);
}

static int make_unit(const walk *w, uint32_t index, const groat_call *call, int sums, groat_part *part)
{
    const groat_row_io *io = w->net->io;
    const groat_t *net = w->net;
    const groat_line *line = line_at(w, index);
    if (call == NULL) {
        if (io != NULL && io->read != NULL) {
            uint32_t input = input_with(net, (uint32_t)w->stream->first_line + index);
            const groat_tensor *tensor =
                groat_tensor_of(net, groat_arg(net, groat_program_of(net, net->program)->args + input));
            io->read(io->context, input, part->y, part_at(w, tensor, index, part), groat_row_bytes(tensor));
        }
        return GROAT_OK;
    }
    const groat_tensor *tensor = output_of(call);
    if (!sums) {
        part->out = part_at(w, tensor, index, part);
    }
    linked_row_ops[call->step->op]->part(call, part);
    if (line->kept && line->slots > 0 && io != NULL && io->write != NULL) {
        const groat_program *program = groat_program_of(net, net->program);
        uint32_t owner = groat_arg(net, (uint32_t)call->step->args + call->step->inputs);
        io->write(io->context, io_index(net, owner, (uint32_t)program->args + program->inputs, program->outputs),
                  part->y, part->out, groat_row_bytes(tensor));
    }
    return GROAT_OK;
}

void groat_run_stream(const groat_t *net, const groat_stream *stream)
{
    walk w = {net, stream, groat_address(net, groat_buffer_of(net, stream->state)), NULL,
              groat_line_of(net, stream->first_line)};
    /* The padding around the rows, once: rows never touch it. */
    for (uint32_t s = stream->first_step; s < (uint32_t)stream->first_step + stream->step_count; s++) {
        const groat_call call = call_of(net, s);
        for (uint32_t i = 0; i < (uint32_t)call.step->inputs + call.step->outputs; i++) {
            const groat_tensor *tensor = groat_arg_tensor(&call, i);
            if (line_index(&w, tensor) < stream->line_count && groat_is_ring(net, tensor)) {
                const groat_line *line = groat_line_of(net, tensor->line);
                if (line->step != GROAT_NONE && line->step != s) {
                    continue; /* its step has seen to it */
                }
                const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
                if (line->span >= tensor->dims[2] && line->pitch > groat_row_bytes(tensor)) {
                    memset(groat_address(net, buffer), line->padding, buffer->bytes);
                }
            }
        }
    }
    for_each_unit(&w, make_unit);
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

static int is_image(const groat_tensor *tensor)
{
    return tensor->dims[0] == 1 && tensor->dims[4] == 1 && tensor->dims[5] == 1;
}

/* The lines of one tensor, those with a number `below` it being others'.  Returns a status. */
static int check_lines(const groat_t *net, const groat_stream *stream, uint32_t id, uint32_t owner)
{
    const groat_tensor *tensor = groat_tensor_of(net, owner);
    const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
    uint32_t end = (uint32_t)stream->first_line + stream->line_count;
    uint32_t width = tensor->dims[2], height = tensor->dims[1];
    uint32_t row_bytes = groat_row_bytes(tensor), pixel_bytes = groat_pixel_bytes(tensor);
    uint32_t element_bytes = groat_dtype_bytes(tensor->dtype);
    uint32_t count = groat_line_of(net, id)->more + 1u;
    uint64_t used = 0; /* bytes of the buffer, by the lines so far */
    GROAT_REQUIRE_STREAM(count <= end - id && !groat_is_const(buffer));
    for (uint32_t k = 0; k < count; k++) {
        const groat_line *line = groat_line_of(net, id + k);
        int given = line->step == GROAT_NONE;
        int whole_rows = line->span == width;
        GROAT_REQUIRE_STREAM(line->more == count - 1 - k && line->step == groat_line_of(net, id)->step);
        GROAT_REQUIRE_STREAM(line->span > 0 && line->span <= width && line->kept <= 1);
        GROAT_REQUIRE_STREAM(line->row_step > 0 && line->first_row < height);
        GROAT_REQUIRE_STREAM(line->taps > 0 || line->first_tap == 0);
        GROAT_REQUIRE_STREAM((uint64_t)groat_rows_in(line, height) * groat_units_in_row(line, width) <= UINT16_MAX);
        if (line->then != GROAT_NONE) {
            GROAT_REQUIRE_STREAM(line->then >= stream->first_line && line->then < end && line->then != id + k);
            GROAT_REQUIRE_STREAM(groat_line_of(net, line->then)->step != GROAT_NONE);
            GROAT_REQUIRE_STREAM(groat_line_of(net, line->then)->then == GROAT_NONE);
        }
        /* Who has only some of the rows, or for some only, is a ring with others beside it, and nothing around its rows. */
        int alone = count == 1;
        GROAT_REQUIRE_STREAM(alone ? line->first_row == 0 && line->row_step == 1 && line->taps == 0
                                   : line->slots > 0 && !line->kept && !given);
        GROAT_REQUIRE_STREAM(!given || (line->slots > 0 && whole_rows && !line->kept));
        GROAT_REQUIRE_STREAM(!line->kept || line->slots == 0 || (whole_rows && is_output(net, stream, owner)));
        if (line->slots == 0) {
            GROAT_REQUIRE_STREAM((uint64_t)height * row_bytes <= buffer->bytes);
            continue;
        }
        uint32_t unit_bytes = line->span * pixel_bytes;
        uint64_t bytes = line->lead + (uint64_t)(line->slots - 1u) * line->pitch + unit_bytes;
        GROAT_REQUIRE_STREAM(alone && whole_rows ? line->pitch >= unit_bytes : line->pitch == unit_bytes);
        GROAT_REQUIRE_STREAM(line->lead >= used && bytes <= buffer->bytes);
        /* Elements where their type wants them. */
        GROAT_REQUIRE_STREAM(line->lead % element_bytes == 0 && line->pitch % element_bytes == 0);
        used = bytes;
    }
    return lives_through(net, stream, tensor->buffer) ? GROAT_OK : GROAT_E_LIFETIME;
}

/* What a step reads of an input with a line of the stream. */
static int check_input(const walk *w, uint32_t index, const groat_call *call, const groat_rows *rows, uint32_t input)
{
    const groat_t *net = w->net;
    const groat_tensor *in = groat_arg_tensor(call, input);
    const groat_line *line = groat_line_of(net, in->line);
    GROAT_REQUIRE_STREAM(owner_of(net, w->stream, in->line) == groat_arg(net, (uint32_t)call->step->args + input));
    GROAT_REQUIRE_STREAM(line->step == GROAT_NONE || line->step < index);
    if (line->step != GROAT_NONE) { /* what is added up is there after the stream only */
        const groat_call maker = call_of(net, line->step);
        GROAT_REQUIRE_STREAM(!rows_of(&maker).adds_up);
    }
    if (!rows->gathers && line->slots > 0) { /* its parts are whole units, or pieces of rows */
        const groat_line *out = groat_line_of(net, output_of(call)->line);
        GROAT_REQUIRE_STREAM(line->more == 0);
        GROAT_REQUIRE_STREAM(line->span == in->dims[2] || rows->adds_up || line->span == out->span);
    }
    if (line->more > 0) { /* windows of one step read them; each tap has its row in some line */
        GROAT_REQUIRE_STREAM(rows->gathers);
        int has_taps = 0;
        for (uint32_t k = 0; k <= line->more; k++) {
            has_taps |= line[k].taps > 0;
        }
        uint32_t readers = 0;
        uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
        for (uint32_t s = w->stream->first_step; s < end; s++) {
            const groat_call other = call_of(net, s);
            for (uint32_t i = 0; i < other.step->inputs; i++) {
                readers += groat_arg_tensor(&other, i) == in;
            }
        }
        GROAT_REQUIRE_STREAM(!has_taps || readers == 1);
        uint32_t taps = (rows->extent - 1) / rows->dilation + 1;
        for (uint32_t y = 0; y < output_of(call)->dims[1]; y++) {
            for (uint32_t tap = 0; tap < taps; tap++) {
                int32_t row = (int32_t)(y * rows->stride + tap * rows->dilation) - rows->pad;
                int outside = row < 0 || row >= (int32_t)in->dims[1];
                GROAT_REQUIRE_STREAM(outside || line_for(net, in, tap, (uint32_t)row) != NULL);
            }
        }
    }
    if (line->slots > 0 && rows->gathers && !rows->cuts && groat_reach_of(call, input, rows) == GROAT_PADDED) {
        uint64_t end = line->lead + (uint64_t)(line->slots - 1u) * line->pitch + groat_row_bytes(in);
        GROAT_REQUIRE_STREAM(end + behind(call, in, rows) <= groat_buffer_of(net, in->buffer)->bytes);
    }
    return GROAT_OK;
}

/* One step of a stream: it goes part by part, and reads what it may. */
static int check_row_step(const walk *w, uint32_t index)
{
    const groat_t *net = w->net;
    const groat_call call = call_of(net, index);
    const groat_row_op *op = groat_find_row_op(call.step->op);
    if (op == NULL) {
        return GROAT_E_OP_NOT_LINKED;
    }
    GROAT_REQUIRE_STREAM(call.step->outputs == 1);
    const groat_tensor *out = output_of(&call);
    GROAT_REQUIRE_STREAM(line_index(w, out) < w->stream->line_count);
    GROAT_REQUIRE_STREAM(groat_line_of(net, out->line)->step == index && is_image(out));
    for (uint32_t i = 0; i < call.step->inputs; i++) {
        GROAT_REQUIRE_STREAM(is_image(groat_arg_tensor(&call, i)));
    }
    GROAT_REQUIRE_STREAM(op->check(&call));
    groat_rows rows;
    op->rows(&call, &rows);
    const groat_line *line = groat_line_of(net, out->line);
    if (rows.adds_up) {
        GROAT_REQUIRE_STREAM(line->kept && line->slots == 0 && calls_of(w, &call, &rows, line) <= UINT16_MAX);
    }
    for (uint32_t i = 0; i < call.step->inputs; i++) {
        const groat_tensor *in = groat_arg_tensor(&call, i);
        if (!lives_through(net, w->stream, in->buffer)) {
            return GROAT_E_LIFETIME;
        }
        if (line_index(w, in) < w->stream->line_count) {
            GROAT_TRY(check_input(w, index, &call, &rows, i));
            continue;
        }
        /* Whole, from before the stream; nothing in the stream may write where it lies. */
        GROAT_REQUIRE_STREAM(!groat_is_ring(net, in));
        for (uint32_t k = 0; k < w->stream->line_count; k++) {
            uint32_t owner = owner_of(net, w->stream, (uint32_t)w->stream->first_line + k);
            if (groat_tensor_of(net, owner)->buffer == in->buffer) {
                return GROAT_E_OVERLAP;
            }
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
    const groat_rows rows = rows_of(&call);
    const groat_unit unit = {
        .pixels = rows.adds_up ? groat_arg_tensor(&call, 0)->dims[2] : groat_line_of(net, output_of(&call)->line)->span,
        .reach = (uint8_t)groat_reach_of(&call, 0, &rows),
    };
    uint32_t bytes = op->scratch_bytes != NULL ? op->scratch_bytes(groat_params(&call), &unit) : 0;
    if (bytes == 0) {
        return GROAT_OK;
    }
    if (call.step->scratch >= groat_header_of(net)->buffers.count) {
        return GROAT_E_SCRATCH;
    }
    const groat_buffer *scratch = groat_buffer_of(net, call.step->scratch);
    if (groat_is_const(scratch) || scratch->bytes < bytes || scratch->over != GROAT_NONE ||
        !lives_through(net, w->stream, call.step->scratch) || call.step->scratch == w->stream->state) {
        return GROAT_E_SCRATCH;
    }
    for (uint32_t t = 0; t < groat_header_of(net)->tensors.count; t++) {
        if (groat_tensor_of(net, t)->buffer == call.step->scratch) {
            return GROAT_E_OVERLAP;
        }
    }
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t s = w->stream->first_step; s < end && rows.adds_up; s++) {
        if (s != index && groat_step_of(net, s)->scratch == call.step->scratch) {
            return GROAT_E_SCRATCH;
        }
    }
    return GROAT_OK;
}

/* The first unit of an input's line that a step still reads, once `done` calls of the line that it makes are. */
static uint32_t first_needed(const walk *w, const groat_call *call, const groat_rows *rows, const groat_line *out,
                             uint32_t done, const groat_line *line, const groat_tensor *in)
{
    if (rows->adds_up) {
        return done;
    }
    if (done >= calls_of(w, call, rows, out)) {
        return units_in(line, in);
    }
    const groat_part part = groat_part_at(out, output_of(call)->dims[2], done);
    return groat_start_of(rows, line, in->dims[1], in->dims[2], &part);
}

/* The first unit of a line that any step still reads.  If `maker` makes its pixels from the very ones at their place,
 * those are free now: it works in place. */
static uint32_t first_needed_by_any(const walk *w, const groat_line *line, const groat_tensor *tensor, uint32_t maker)
{
    const groat_t *net = w->net;
    uint32_t first = units_in(line, tensor);
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t s = w->stream->first_step; s < end; s++) {
        const groat_call call = call_of(net, s);
        for (uint32_t i = 0; i < call.step->inputs; i++) {
            if (groat_arg_tensor(&call, i) != tensor) {
                continue;
            }
            const groat_rows rows = rows_of(&call);
            uint32_t index = line_index(w, output_of(&call));
            const groat_line *out = line_at(w, index);
            for (uint32_t left = out->more;; left--, out++, index++) {
                uint32_t in_place = s == maker && !rows.gathers && !rows.adds_up;
                uint32_t done = w->lines[index].made + in_place;
                first = minimum(first, first_needed(w, &call, &rows, out, done, line, tensor));
                if (left == 0) {
                    break;
                }
            }
        }
    }
    return first;
}

/* A unit goes where an image lay from before the stream, as far as all of it has been read there. */
static int check_over(const walk *w, const groat_line *line, const groat_tensor *tensor, const groat_part *part)
{
    const groat_t *net = w->net;
    const groat_buffer *to = groat_buffer_of(net, tensor->buffer);
    const groat_buffer *under = groat_buffer_of(net, to->over);
    uint32_t pixel = groat_pixel_bytes(tensor);
    uint32_t offset = (part->y * tensor->dims[2] + part->x) * pixel; /* of what is written, in its buffer */
    uint32_t from = to->offset + offset;
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t s = w->stream->first_step; s < end; s++) {
        const groat_call call = call_of(net, s);
        for (uint32_t i = 0; i < call.step->inputs; i++) {
            const groat_tensor *in = groat_arg_tensor(&call, i);
            if (in->buffer != to->over) {
                continue;
            }
            /* Its pixels, each as a unit. */
            const groat_line pixels = {.span = 1, .row_step = 1};
            const groat_rows rows = rows_of(&call);
            uint32_t index = line_index(w, output_of(&call));
            const groat_line *out = line_at(w, index);
            for (uint32_t left = out->more;; left--, out++, index++) {
                uint32_t done = w->lines[index].made;
                uint32_t first =
                    rows.adds_up ? done * in->dims[2] : first_needed(w, &call, &rows, out, done, &pixels, in);
                uint64_t needed = under->offset + (uint64_t)first * groat_pixel_bytes(in);
                int in_place = s == line->step && !rows.gathers && (groat_find_op(call.step->op).flags & GROAT_INPLACE);
                if (in_place && pixel == groat_pixel_bytes(in) &&
                    from <= needed) { /* it reads what it is about to write */
                    first = first_needed(w, &call, &rows, out, done + 1, &pixels, in);
                    needed = under->offset + (uint64_t)first * pixel;
                }
                if (from < under->offset + under->bytes && needed < (uint64_t)from + part->pixels * pixel) {
                    return GROAT_E_OVERLAP;
                }
                if (left == 0) {
                    break;
                }
            }
        }
    }
    return GROAT_OK;
}

/* A unit goes into a slot that holds nothing any more. */
static int check_unit(const walk *w, uint32_t index, const groat_call *call, int sums, groat_part *part)
{
    const groat_t *net = w->net;
    const groat_line *line = line_at(w, index);
    uint32_t next = w->lines[index].made;
    uint32_t own = owner_of(net, w->stream, (uint32_t)w->stream->first_line + index);
    const groat_tensor *tensor = groat_tensor_of(net, own);
    for (uint32_t k = 0; k < w->stream->line_count; k++) {
        uint32_t owner = owner_of(net, w->stream, (uint32_t)w->stream->first_line + k);
        const groat_tensor *there = groat_tensor_of(net, owner);
        if (there->buffer != tensor->buffer || (owner == own && k != index)) {
            continue; /* lines of one tensor lie beside each other */
        }
        if (sums) { /* its calls are no units of it */
            if (k != index) {
                return GROAT_E_OVERLAP;
            }
            continue;
        }
        const groat_line *other = line_at(w, k);
        if (owner != own &&
            (other->slots != line->slots || other->pitch != line->pitch || other->lead != line->lead ||
             other->span != line->span || other->more > 0 || line->more > 0 ||
             groat_pixel_bytes(there) != groat_pixel_bytes(tensor) || there->dims[2] != tensor->dims[2])) {
            return GROAT_E_OVERLAP;
        }
        uint32_t first = first_needed_by_any(w, other, there, line->step);
        if (other->kept && other->slots == 0) {
            first = 0;
        }
        /* The first unit from `first` on that lies in this slot. */
        uint32_t slots = line->slots;
        uint32_t again = slots > 0 ? first + (next % slots + slots - first % slots) % slots : next;
        if (again >= first && again < w->lines[k].made) {
            return GROAT_E_OVERLAP;
        }
    }
    const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
    if (call != NULL && !sums && buffer->over != GROAT_NONE &&
        groat_buffer_of(net, buffer->over)->region == buffer->region) {
        return check_over(w, line, tensor, part);
    }
    return GROAT_OK;
}

/* The buffers that lie over others: each is an image that this stream makes whole, over one that it reads for the last
 * time; that is no other's, and nothing in the stream writes it.  Sums have no such order. */
static int check_overs(const walk *w)
{
    const groat_t *net = w->net;
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t k = 0; k < w->stream->line_count; k++) {
        const groat_line *line = line_at(w, k);
        uint32_t owner = owner_of(net, w->stream, (uint32_t)w->stream->first_line + k);
        const groat_tensor *tensor = groat_tensor_of(net, owner);
        const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
        if (buffer->over == GROAT_NONE) {
            continue;
        }
        GROAT_REQUIRE_STREAM(line->step != GROAT_NONE && line->slots == 0);
        const groat_call maker = call_of(net, line->step);
        GROAT_REQUIRE_STREAM(!rows_of(&maker).adds_up && buffer->first_step == w->stream->first_step);
        GROAT_REQUIRE_STREAM(buffer->over < groat_header_of(net)->buffers.count);
        const groat_buffer *under = groat_buffer_of(net, buffer->over);
        GROAT_REQUIRE_STREAM(!groat_is_const(under) && under->last_step < end);
        for (uint32_t i = 0; i < w->stream->line_count; i++) {
            uint32_t other = owner_of(net, w->stream, (uint32_t)w->stream->first_line + i);
            uint32_t id = groat_tensor_of(net, other)->buffer;
            GROAT_REQUIRE_STREAM(id != buffer->over &&
                                 (id == tensor->buffer || groat_buffer_of(net, id)->over != buffer->over));
        }
        GROAT_REQUIRE_STREAM(w->stream->state != buffer->over);
        for (uint32_t s = w->stream->first_step; s < end; s++) {
            GROAT_REQUIRE_STREAM(groat_step_of(net, s)->scratch != buffer->over);
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
    if (groat_is_const(state) || state->bytes < stream->line_count * sizeof(progress) || state->over != GROAT_NONE) {
        return GROAT_E_SCRATCH;
    }
    progress lines[GROAT_STREAM_LINES_MAX]; /* the arena is not touched before a run */
    walk w = {net, stream, lines, NULL, groat_line_of(net, stream->first_line)};
    for (uint32_t i = 0; i < stream->line_count;) {
        uint32_t id = (uint32_t)stream->first_line + i;
        const groat_line *line = groat_line_of(net, id);
        GROAT_REQUIRE_STREAM(line->step == GROAT_NONE || line->step < header->steps.count);
        uint32_t owner = owner_of(net, stream, id);
        GROAT_REQUIRE_STREAM(owner < header->tensors.count && groat_tensor_of(net, owner)->line == id);
        GROAT_TRY(check_lines(net, stream, id, owner));
        i += line->more + 1u;
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
    GROAT_TRY(check_overs(&w));
    return for_each_unit(&w, check_unit);
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
    /* A buffer over another is an output of a stream. */
    for (uint32_t b = 0; b < header->buffers.count; b++) {
        int found = groat_buffer_of(net, b)->over == GROAT_NONE;
        for (uint32_t i = 0; i < header->tensors.count && !found; i++) {
            const groat_tensor *tensor = groat_tensor_of(net, i);
            found = tensor->buffer == b && tensor->line != GROAT_NONE;
        }
        GROAT_REQUIRE_STREAM(found);
    }
    return GROAT_OK;
}

#endif
