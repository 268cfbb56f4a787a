/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: steps that run together, part by part, so that of a tensor between them only those pixels need memory that a
 * later step still reads.  A unit is made when it is needed, and the walk from need to need is the same in the check at
 * open and in a run: what the one has seen to be safe, the other does.
 */
#include "stream.h"

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

groat_rows groat_rows_of(const groat_call *call)
{
    groat_rows rows;
    linked_row_ops[call->step->op]->rows(call, &rows);
    return rows;
}

/* ---- The walk -------------------------------------------------------------------------------------- */

uint32_t groat_calls_of(const groat_walk *w, const groat_call *call, const groat_rows *rows, const groat_line *line)
{
    if (!rows->adds_up) {
        return groat_units_in(line, groat_output_of(call));
    }
    const groat_tensor *in = groat_arg_tensor(call, 0);
    uint32_t index = groat_line_index(w, in);
    return index < w->stream->line_count ? groat_units_in(groat_line_at(w, index), in) : in->dims[1];
}

/* What call `next` of a line's op makes; of one that adds up, what it reads. */
static groat_part part_of_call(const groat_walk *w, const groat_call *call, const groat_rows *rows,
                               const groat_line *line, uint32_t next)
{
    if (!rows->adds_up) {
        return groat_part_at(line, groat_output_of(call)->dims[2], next);
    }
    const groat_tensor *in = groat_arg_tensor(call, 0);
    uint32_t index = groat_line_index(w, in);
    if (index < w->stream->line_count) {
        return groat_part_at(groat_line_at(w, index), in->dims[2], next);
    }
    return (groat_part){next, 0, in->dims[2], NULL, 0};
}

/* A line that lacks units which a part is made from; line_count if none does. */
static uint32_t missing(const groat_walk *w, const groat_call *call, const groat_rows *rows, const groat_part *part,
                        uint32_t next)
{
    for (uint32_t i = 0; i < call->step->inputs; i++) {
        const groat_tensor *tensor = groat_arg_tensor(call, i);
        uint32_t index = groat_line_index(w, tensor);
        if (index >= w->stream->line_count) {
            continue;
        }
        const groat_line *line = groat_line_at(w, index);
        for (uint32_t k = 0; k <= line->more; k++) {
            uint32_t end = next + 1;
            if (!rows->adds_up) {
                end = groat_end_of(rows, line + k, tensor->dims[1], tensor->dims[2], part);
            }
            if (w->lines[index + k].made < end) {
                return index + k;
            }
        }
    }
    return w->stream->line_count;
}

static uint8_t reach_of(const groat_call *call, const groat_rows *rows)
{
    return rows->gathers ? (uint8_t)groat_reach_of(call, 0, rows) : 0;
}

static groat_glance glance_at(const groat_walk *w, uint32_t index)
{
    groat_glance found = {.stride = 0};
    const groat_line *line = groat_line_at(w, index);
    if (line->step == GROAT_NONE) {
        return found;
    }
    const groat_call call = groat_call_of(w->net, line->step);
    const groat_rows rows = groat_rows_of(&call);
    const groat_tensor *out = groat_output_of(&call);
    int64_t end = (int64_t)rows.extent - rows.pad;
    int plain =
        end >= INT8_MIN && end <= INT8_MAX && rows.stride <= UINT8_MAX && call.step->inputs <= GROAT_GLANCE_INPUTS;
    plain = plain && (rows.adds_up || groat_is_plain(line, out->dims[2]));
    for (uint32_t i = 0; i < call.step->inputs && plain; i++) {
        const groat_tensor *tensor = groat_arg_tensor(&call, i);
        uint32_t from = groat_line_index(w, tensor);
        int comes = from < w->stream->line_count;
        plain = !comes || groat_is_plain(groat_line_at(w, from), tensor->dims[2]);
        found.from[i] = comes ? (uint8_t)from : GROAT_NO_LINE;
    }
    if (!plain) {
        return found;
    }
    for (uint32_t i = call.step->inputs; i < GROAT_GLANCE_INPUTS; i++) {
        found.from[i] = GROAT_NO_LINE;
    }
    found.stride = (uint8_t)rows.stride;
    found.end = (int8_t)end;
    found.reach = reach_of(&call, &rows);
    found.adds_up = rows.adds_up;
    return found;
}

/* How many rows an input of a line's op has. */
static int32_t rows_that_come(const groat_walk *w, uint32_t index, uint32_t input)
{
    const groat_call call = groat_call_of(w->net, groat_line_at(w, index)->step);
    return (int32_t)groat_arg_tensor(&call, input)->dims[1];
}

/* The line that lacks some of what the next call of a line's op reads; line_count if none does. */
static uint32_t wanted_by(const groat_walk *w, uint32_t index)
{
    uint32_t next = w->lines[index].made;
    const groat_glance *g = &w->glances[index];
    if (g->stride == 0) {
        const groat_call call = groat_call_of(w->net, groat_line_at(w, index)->step);
        const groat_rows rows = groat_rows_of(&call);
        const groat_part part = part_of_call(w, &call, &rows, groat_line_at(w, index), next);
        return missing(w, &call, &rows, &part, next);
    }
    int32_t end = (int32_t)(next * g->stride) + g->end;
    for (uint32_t i = 0; i < GROAT_GLANCE_INPUTS; i++) {
        if (g->from[i] == GROAT_NO_LINE) {
            continue;
        }
        int32_t made = w->lines[g->from[i]].made;
        if (made < end && made < rows_that_come(w, index, i)) {
            return g->from[i];
        }
    }
    return w->stream->line_count;
}

/* Visits what the next call of a line's op makes, or of an op that adds up what it reads. */
static int visit_next(const groat_walk *w, uint32_t index, groat_visit visit)
{
    uint32_t next = w->lines[index].made;
    const groat_line *line = groat_line_at(w, index);
    if (line->step == GROAT_NONE) {
        groat_part part = {next, 0, 0, NULL, 0};
        return visit(w, index, NULL, 0, &part);
    }
    const groat_call call = groat_call_of(w->net, line->step);
    const groat_glance *g = &w->glances[index];
    if (g->stride > 0) {
        const groat_tensor *tensor = g->adds_up ? groat_arg_tensor(&call, 0) : groat_output_of(&call);
        groat_part part = {next, 0, tensor->dims[2], NULL, g->reach};
        return visit(w, index, &call, g->adds_up, &part);
    }
    const groat_rows rows = groat_rows_of(&call);
    groat_part part = part_of_call(w, &call, &rows, line, next);
    part.reach = reach_of(&call, &rows);
    return visit(w, index, &call, rows.adds_up, &part);
}

/* Visits the next unit of a line that goes along with another, if all is there that it is made from. */
static int go_along(const groat_walk *w, uint32_t index, groat_visit visit)
{
    const groat_line *line = groat_line_at(w, index);
    const groat_call call = groat_call_of(w->net, line->step);
    const groat_rows rows = groat_rows_of(&call);
    uint32_t next = w->lines[index].made;
    if (w->lines[index].asked_by != GROAT_NONE || next >= groat_calls_of(w, &call, &rows, line)) {
        return GROAT_OK;
    }
    if (wanted_by(w, index) < w->stream->line_count) {
        return GROAT_OK;
    }
    GROAT_TRY(visit_next(w, index, visit));
    w->lines[index].made++;
    return GROAT_OK;
}

int groat_for_each_unit(groat_walk *w, groat_visit visit)
{
    uint32_t count = w->stream->line_count;
    groat_glance glances[GROAT_STREAM_LINES_MAX];
    w->glances = glances;
    for (uint32_t i = 0; i < count; i++) {
        w->lines[i] = (groat_progress){0, GROAT_NONE};
        glances[i] = glance_at(w, i);
    }
    for (uint32_t last = count; last-- > 0;) {
        if (!groat_line_at(w, last)->kept) {
            continue;
        }
        const groat_call of_last = groat_call_of(w->net, groat_line_at(w, last)->step);
        const groat_rows rows = groat_rows_of(&of_last);
        const uint32_t calls = groat_calls_of(w, &of_last, &rows, groat_line_at(w, last));
        for (uint32_t at = last;;) {
            const groat_line *line = groat_line_at(w, at);
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
static void *part_at(const groat_walk *w, const groat_tensor *tensor, uint32_t index, const groat_part *part)
{
    const groat_line *line = groat_line_at(w, index);
    if (line->slots > 0 && w->glances[index].stride > 0) { /* a whole row */
        uint8_t *data = groat_address(w->net, groat_buffer_of(w->net, tensor->buffer));
        return data + line->lead + part->y % line->slots * line->pitch;
    }
    uint32_t run;
    return groat_place(w->net, tensor, line, part->y, part->x, &run);
}

static int make_unit(const groat_walk *w, uint32_t index, const groat_call *call, int sums, groat_part *part)
{
    const groat_row_io *io = w->net->io;
    const groat_t *net = w->net;
    const groat_line *line = groat_line_at(w, index);
    if (call == NULL) {
        if (io != NULL && io->read != NULL) {
            uint32_t input = input_with(net, (uint32_t)w->stream->first_line + index);
            const groat_tensor *tensor =
                groat_tensor_of(net, groat_arg(net, groat_program_of(net, net->program)->args + input));
            io->read(io->context, input, part->y, part_at(w, tensor, index, part), groat_row_bytes(tensor));
        }
        return GROAT_OK;
    }
    const groat_tensor *tensor = groat_output_of(call);
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
    groat_walk w = {
        .net = net,
        .stream = stream,
        .lines = groat_address(net, groat_buffer_of(net, stream->state)),
        .table = groat_line_of(net, stream->first_line),
    };
    /* The padding around the rows, once: rows never touch it. */
    for (uint32_t s = stream->first_step; s < (uint32_t)stream->first_step + stream->step_count; s++) {
        const groat_call call = groat_call_of(net, s);
        for (uint32_t i = 0; i < (uint32_t)call.step->inputs + call.step->outputs; i++) {
            const groat_tensor *tensor = groat_arg_tensor(&call, i);
            if (groat_line_index(&w, tensor) < stream->line_count && groat_is_ring(net, tensor)) {
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
    groat_for_each_unit(&w, make_unit);
}

#endif
