/* SPDX-License-Identifier: Apache-2.0
 *
 * What stream.c, stream_check.c and lines.c share: the walk through a stream, and where its pixels lie.
 */
#ifndef GROAT_CORE_STREAM_H
#define GROAT_CORE_STREAM_H

#include "units.h"

static inline uint32_t groat_minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline groat_call groat_call_of(const groat_t *net, uint32_t step)
{
    return (groat_call){net, groat_step_of(net, step)};
}

static inline const groat_tensor *groat_output_of(const groat_call *call)
{
    return groat_arg_tensor(call, call->step->inputs);
}

static inline uint32_t groat_units_in(const groat_line *line, const groat_tensor *tensor)
{
    return groat_units_of(line, tensor->dims[1], tensor->dims[2]);
}

/* How the op of a call goes through its images. */
groat_rows groat_rows_of(const groat_call *call);

/* ---- Where pixels lie: lines.c --------------------------------------------------------------------- */

/* The line of a tensor that has row y for a tap; null if none has. */
const groat_line *groat_line_for(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y);

/* Where a pixel lies, and how many from there on lie one behind the other, of its row. */
uint8_t *groat_place(const groat_t *net, const groat_tensor *tensor, const groat_line *line, uint32_t y, uint32_t x,
                     uint32_t *run);

/* Bytes of padding that windows read behind a row. */
uint32_t groat_behind(const groat_call *call, const groat_tensor *in, const groat_rows *rows);

/* ---- The walk: stream.c ---------------------------------------------------------------------------- */

/* What a walk knows of a line; two uint16_t of the stream's state. */
typedef struct groat_progress {
    uint16_t made;     /* units, or calls of an op that adds up */
    uint16_t asked_by; /* the line whose next unit waits for one of this, or GROAT_NONE */
} groat_progress;

enum {
    GROAT_GLANCE_INPUTS = 2,
    GROAT_NO_LINE = 0xFF
};

/* What is the same for all calls of a line's op, where they and what they read are whole rows: call n reads the rows
 * before row n * stride + end. */
typedef struct groat_glance {
    uint8_t stride; /* 0: it is not so */
    uint8_t reach : 7; /* of a part */
    uint8_t adds_up : 1;
    int8_t end;
    uint8_t from[GROAT_GLANCE_INPUTS]; /* the lines of what it reads, or GROAT_NO_LINE */
} groat_glance;

/* A stream while it is walked. */
typedef struct groat_walk {
    const groat_t *net;
    const groat_stream *stream;
    groat_progress *lines; /* of the stream */
    groat_glance *glances;
    const groat_line *table;
    const uint16_t *owners; /* the tensor of each line; of a check only */
} groat_walk;

static inline const groat_line *groat_line_at(const groat_walk *w, uint32_t index)
{
    return w->table + index;
}

/* The number of a tensor's first line within the stream; line_count or more if it is none of the stream's. */
static inline uint32_t groat_line_index(const groat_walk *w, const groat_tensor *tensor)
{
    return (uint32_t)tensor->line - w->stream->first_line;
}

/* How often the op of a line is called. */
uint32_t groat_calls_of(const groat_walk *w, const groat_call *call, const groat_rows *rows, const groat_line *line);

/* What happens to the next unit of a line: it is checked, or made.  `call` is null for an input; `sums` says that its op
 * adds up.  Returns a status. */
typedef int (*groat_visit)(const groat_walk *w, uint32_t index, const groat_call *call, int sums, groat_part *part);

/* Visits every unit that is needed, each after those that it is made from. */
int groat_for_each_unit(groat_walk *w, groat_visit visit);

#endif
