/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks streams at open, with the walk that a run will take: a unit may only go where nothing lies that is still read.
 */
#include "stream.h"

#ifndef GROAT_NO_STREAMS

/* GROAT_E_STREAM unless the condition holds. */
#define GROAT_REQUIRE_STREAM(condition) \
    do {                                \
        if (!(condition)) {             \
            return GROAT_E_STREAM;      \
        }                               \
    } while (0)

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

/* ---- Lines and steps ------------------------------------------------------------------------------- */

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

/* What a step reads of an input with a line of the stream.  `work` is what the stream has cost so far. */
static int check_input(const groat_walk *w, uint32_t index, const groat_call *call, const groat_rows *rows,
                       uint32_t input, uint64_t *work)
{
    const groat_t *net = w->net;
    const groat_tensor *in = groat_arg_tensor(call, input);
    const groat_line *line = groat_line_of(net, in->line);
    GROAT_REQUIRE_STREAM(w->owners[groat_line_index(w, in)] == groat_arg(net, (uint32_t)call->step->args + input));
    GROAT_REQUIRE_STREAM(line->step == GROAT_NONE || line->step < index);
    if (line->step != GROAT_NONE) { /* what is added up is there after the stream only */
        const groat_call maker = groat_call_of(net, line->step);
        GROAT_REQUIRE_STREAM(!groat_rows_of(&maker).adds_up);
    }
    if (!rows->gathers && line->slots > 0) { /* its parts are whole units, or pieces of rows */
        const groat_line *out = groat_line_of(net, groat_output_of(call)->line);
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
            const groat_call other = groat_call_of(net, s);
            for (uint32_t i = 0; i < other.step->inputs; i++) {
                readers += groat_arg_tensor(&other, i) == in;
            }
        }
        GROAT_REQUIRE_STREAM(!has_taps || readers == 1);
        uint32_t taps = (rows->extent - 1) / rows->dilation + 1;
        *work += (uint64_t)groat_output_of(call)->dims[1] * taps * (line->more + 1u);
        GROAT_REQUIRE_STREAM(*work <= GROAT_STREAM_WORK_MAX);
        for (uint32_t y = 0; y < groat_output_of(call)->dims[1]; y++) {
            for (uint32_t tap = 0; tap < taps; tap++) {
                int32_t row = (int32_t)(y * rows->stride + tap * rows->dilation) - rows->pad;
                int outside = row < 0 || row >= (int32_t)in->dims[1];
                GROAT_REQUIRE_STREAM(outside || groat_line_for(net, in, tap, (uint32_t)row) != NULL);
            }
        }
    }
    if (line->slots > 0 && rows->gathers && !rows->cuts && groat_reach_of(call, input, rows) == GROAT_PADDED) {
        uint64_t end = line->lead + (uint64_t)(line->slots - 1u) * line->pitch + groat_row_bytes(in);
        GROAT_REQUIRE_STREAM(end + groat_behind(call, in, rows) <= groat_buffer_of(net, in->buffer)->bytes);
    }
    return GROAT_OK;
}

/* One step of a stream: it goes part by part, and reads what it may. */
static int check_row_step(const groat_walk *w, uint32_t index, uint64_t *work)
{
    const groat_t *net = w->net;
    const groat_call call = groat_call_of(net, index);
    const groat_row_op *op = groat_find_row_op(call.step->op);
    if (op == NULL) {
        return GROAT_E_OP_NOT_LINKED;
    }
    GROAT_REQUIRE_STREAM(call.step->outputs == 1);
    const groat_tensor *out = groat_output_of(&call);
    GROAT_REQUIRE_STREAM(groat_line_index(w, out) < w->stream->line_count);
    GROAT_REQUIRE_STREAM(groat_line_of(net, out->line)->step == index && is_image(out));
    for (uint32_t i = 0; i < call.step->inputs; i++) {
        GROAT_REQUIRE_STREAM(is_image(groat_arg_tensor(&call, i)));
    }
    GROAT_REQUIRE_STREAM(op->check(&call));
    groat_rows rows;
    op->rows(&call, &rows);
    const groat_line *line = groat_line_of(net, out->line);
    if (rows.adds_up) {
        GROAT_REQUIRE_STREAM(line->kept && line->slots == 0 && groat_calls_of(w, &call, &rows, line) <= UINT16_MAX);
    }
    for (uint32_t i = 0; i < call.step->inputs; i++) {
        const groat_tensor *in = groat_arg_tensor(&call, i);
        if (!lives_through(net, w->stream, in->buffer)) {
            return GROAT_E_LIFETIME;
        }
        if (groat_line_index(w, in) < w->stream->line_count) {
            GROAT_TRY(check_input(w, index, &call, &rows, i, work));
            continue;
        }
        /* Whole, from before the stream; nothing in the stream may write where it lies. */
        GROAT_REQUIRE_STREAM(!groat_is_ring(net, in));
        for (uint32_t k = 0; k < w->stream->line_count; k++) {
            uint32_t owner = w->owners[k];
            if (groat_tensor_of(net, owner)->buffer == in->buffer) {
                return GROAT_E_OVERLAP;
            }
        }
    }
    return GROAT_OK;
}

/* Scratch may be shared by the steps of a stream, but not where sums are kept in it, and never with a tensor. */
static int check_row_scratch(const groat_walk *w, uint32_t index)
{
    const groat_t *net = w->net;
    const groat_call call = groat_call_of(net, index);
    const groat_row_op *op = groat_find_row_op(call.step->op);
    const groat_rows rows = groat_rows_of(&call);
    const groat_unit unit = {
        .pixels =
            rows.adds_up ? groat_arg_tensor(&call, 0)->dims[2] : groat_line_of(net, groat_output_of(&call)->line)->span,
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
static uint32_t first_needed(const groat_walk *w, const groat_call *call, const groat_rows *rows, const groat_line *out,
                             uint32_t done, const groat_line *line, const groat_tensor *in)
{
    if (rows->adds_up) {
        return done;
    }
    if (done >= groat_calls_of(w, call, rows, out)) {
        return groat_units_in(line, in);
    }
    const groat_part part = groat_part_at(out, groat_output_of(call)->dims[2], done);
    return groat_start_of(rows, line, in->dims[1], in->dims[2], &part);
}

/* The first unit of a line that any step still reads.  If `maker` makes its pixels from the very ones at their place,
 * those are free now: it works in place. */
static uint32_t first_needed_by_any(const groat_walk *w, const groat_line *line, const groat_tensor *tensor,
                                    uint32_t maker)
{
    const groat_t *net = w->net;
    uint32_t first = groat_units_in(line, tensor);
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t s = w->stream->first_step; s < end; s++) {
        const groat_call call = groat_call_of(net, s);
        for (uint32_t i = 0; i < call.step->inputs; i++) {
            if (groat_arg_tensor(&call, i) != tensor) {
                continue;
            }
            const groat_rows rows = groat_rows_of(&call);
            uint32_t index = groat_line_index(w, groat_output_of(&call));
            const groat_line *out = groat_line_at(w, index);
            for (uint32_t k = 0; k <= out->more; k++) {
                uint32_t in_place = s == maker && !rows.gathers && !rows.adds_up;
                uint32_t done = w->lines[index + k].made + in_place;
                first = groat_minimum(first, first_needed(w, &call, &rows, out + k, done, line, tensor));
            }
        }
    }
    return first;
}

/* A unit goes where an image lay from before the stream, as far as all of it has been read there. */
static int check_over(const groat_walk *w, const groat_line *line, const groat_tensor *tensor, const groat_part *part)
{
    const groat_t *net = w->net;
    const groat_buffer *to = groat_buffer_of(net, tensor->buffer);
    const groat_buffer *under = groat_buffer_of(net, to->over);
    uint32_t pixel = groat_pixel_bytes(tensor);
    uint32_t offset = (part->y * tensor->dims[2] + part->x) * pixel; /* of what is written, in its buffer */
    uint32_t from = to->offset + offset;
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t s = w->stream->first_step; s < end; s++) {
        const groat_call call = groat_call_of(net, s);
        for (uint32_t i = 0; i < call.step->inputs; i++) {
            const groat_tensor *in = groat_arg_tensor(&call, i);
            if (in->buffer != to->over) {
                continue;
            }
            /* Its pixels, each as a unit. */
            const groat_line pixels = {.span = 1, .row_step = 1};
            const groat_rows rows = groat_rows_of(&call);
            uint32_t index = groat_line_index(w, groat_output_of(&call));
            const groat_line *out = groat_line_at(w, index);
            for (uint32_t k = 0; k <= out->more; k++) {
                uint32_t done = w->lines[index + k].made;
                uint32_t first = done * in->dims[2];
                if (!rows.adds_up) {
                    first = first_needed(w, &call, &rows, out + k, done, &pixels, in);
                }
                uint64_t needed = under->offset + (uint64_t)first * groat_pixel_bytes(in);
                int in_place = s == line->step && !rows.gathers && (groat_find_op(call.step->op).flags & GROAT_INPLACE);
                /* It reads what it is about to write, or what lies behind. */
                if (in_place && pixel == groat_pixel_bytes(in) && from <= needed) {
                    first = first_needed(w, &call, &rows, out + k, done + 1, &pixels, in);
                    needed = under->offset + (uint64_t)first * pixel;
                }
                if (from < under->offset + under->bytes && needed < (uint64_t)from + part->pixels * pixel) {
                    return GROAT_E_OVERLAP;
                }
            }
        }
    }
    return GROAT_OK;
}

/* A unit goes into a slot that holds nothing any more. */
static int check_unit(const groat_walk *w, uint32_t index, const groat_call *call, int sums, groat_part *part)
{
    const groat_t *net = w->net;
    const groat_line *line = groat_line_at(w, index);
    uint32_t next = w->lines[index].made;
    uint32_t own = w->owners[index];
    const groat_tensor *tensor = groat_tensor_of(net, own);
    for (uint32_t k = 0; k < w->stream->line_count; k++) {
        uint32_t owner = w->owners[k];
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
        const groat_line *other = groat_line_at(w, k);
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
static int check_overs(const groat_walk *w)
{
    const groat_t *net = w->net;
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    for (uint32_t k = 0; k < w->stream->line_count; k++) {
        const groat_line *line = groat_line_at(w, k);
        uint32_t owner = w->owners[k];
        const groat_tensor *tensor = groat_tensor_of(net, owner);
        const groat_buffer *buffer = groat_buffer_of(net, tensor->buffer);
        if (buffer->over == GROAT_NONE) {
            continue;
        }
        GROAT_REQUIRE_STREAM(line->step != GROAT_NONE && line->slots == 0);
        const groat_call maker = groat_call_of(net, line->step);
        GROAT_REQUIRE_STREAM(!groat_rows_of(&maker).adds_up && buffer->first_step == w->stream->first_step);
        GROAT_REQUIRE_STREAM(buffer->over < groat_header_of(net)->buffers.count);
        const groat_buffer *under = groat_buffer_of(net, buffer->over);
        GROAT_REQUIRE_STREAM(!groat_is_const(under) && under->last_step < end);
        for (uint32_t i = 0; i < w->stream->line_count; i++) {
            uint32_t other = w->owners[i];
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

/* What the walk will cost: at each call of a line's op, it is asked of every line that shares its buffer who still reads
 * it.  A file that says so much of itself that no device could open it is refused before. */
static int check_work(const groat_walk *w, uint64_t work)
{
    const groat_t *net = w->net;
    uint32_t end = (uint32_t)w->stream->first_step + w->stream->step_count;
    uint32_t reads = w->stream->line_count;
    for (uint32_t s = w->stream->first_step; s < end; s++) {
        const groat_call call = groat_call_of(net, s);
        reads += call.step->inputs * (groat_line_of(net, groat_output_of(&call)->line)->more + 2u);
    }
    for (uint32_t i = 0; i < w->stream->line_count; i++) {
        const groat_line *line = groat_line_at(w, i);
        const groat_tensor *tensor = groat_tensor_of(net, w->owners[i]);
        uint32_t calls = groat_units_in(line, tensor);
        if (line->step != GROAT_NONE) {
            const groat_call call = groat_call_of(net, line->step);
            const groat_rows rows = groat_rows_of(&call);
            calls = groat_calls_of(w, &call, &rows, line);
        }
        uint32_t share = 1;
        for (uint32_t k = 0; k < w->stream->line_count; k++) {
            share += groat_tensor_of(net, w->owners[k])->buffer == tensor->buffer;
        }
        work += (uint64_t)calls * share * reads;
    }
    GROAT_REQUIRE_STREAM(work <= GROAT_STREAM_WORK_MAX);
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
    if (groat_is_const(state) || state->bytes < stream->line_count * sizeof(groat_progress) ||
        state->over != GROAT_NONE) {
        return GROAT_E_SCRATCH;
    }
    groat_progress lines[GROAT_STREAM_LINES_MAX]; /* the arena is not touched before a run */
    uint16_t owners[GROAT_STREAM_LINES_MAX];
    groat_walk w = {net, stream, lines, NULL, groat_line_of(net, stream->first_line), owners};
    for (uint32_t i = 0; i < stream->line_count;) {
        uint32_t id = (uint32_t)stream->first_line + i;
        const groat_line *line = groat_line_of(net, id);
        GROAT_REQUIRE_STREAM(line->step == GROAT_NONE || line->step < header->steps.count);
        uint32_t owner = owner_of(net, stream, id);
        GROAT_REQUIRE_STREAM(owner < header->tensors.count && groat_tensor_of(net, owner)->line == id);
        GROAT_TRY(check_lines(net, stream, id, owner));
        for (uint32_t more = line->more + 1u; more-- > 0;) {
            owners[i++] = (uint16_t)owner;
        }
    }
    for (uint32_t t = 0; t < header->tensors.count; t++) {
        if (groat_tensor_of(net, t)->buffer == stream->state) {
            return GROAT_E_OVERLAP;
        }
    }
    uint64_t work = 0;
    for (uint32_t s = stream->first_step; s < end; s++) {
        GROAT_TRY(check_row_step(&w, s, &work));
    }
    for (uint32_t s = stream->first_step; s < end; s++) {
        GROAT_TRY(check_row_scratch(&w, s));
    }
    GROAT_TRY(check_overs(&w));
    GROAT_TRY(check_work(&w, work));
    return groat_for_each_unit(&w, check_unit);
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
