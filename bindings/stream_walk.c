/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks a stream that is not packed yet, to find how little memory it needs.
 */
#include "stream_walk.h"

#include <stdlib.h>
#include <string.h>

#include "core/units.h"

#define NONE UINT32_MAX

typedef struct walk {
    const groat_walk_line *lines;
    const groat_walk_read *reads;
    const groat_walk_image *images;
    uint32_t count, read_count, image_count;
    uint32_t *first_read;   /* of each line: its op's first read; one more at the end */
    uint32_t *by_source;    /* reads, sorted by the line that they read */
    uint32_t *first_reader; /* of each line: its first in by_source; one more at the end */
    uint32_t *made;
    uint32_t *asked_by;
    uint32_t *slots;
    int64_t *below;
} walk;

static groat_line line_of(const groat_walk_line *line)
{
    return (groat_line){
        .span = line->span,
        .first_row = line->first_row,
        .row_step = line->row_step,
        .first_tap = line->first_tap,
        .taps = line->taps,
    };
}

static groat_rows rows_of(const groat_walk_read *read)
{
    return (groat_rows){
        .extent = read->extent,
        .extent_w = read->extent_w,
        .stride = read->stride,
        .stride_w = read->stride_w,
        .pad = read->pad,
        .pad_w = read->pad_w,
        .dilation = read->dilation,
    };
}

static uint32_t units_of(const groat_walk_line *line)
{
    const groat_line l = line_of(line);
    return groat_units_of(&l, line->height, line->width);
}

static groat_part part_of(const groat_walk_line *line, uint32_t unit)
{
    const groat_line l = line_of(line);
    return groat_part_at(&l, line->width, unit);
}

/* The line that lacks what unit `next` of a line is made from, or NONE. */
static uint32_t missing(const walk *w, uint32_t at, uint32_t next)
{
    for (uint32_t i = w->first_read[at]; i < w->first_read[at + 1]; i++) {
        const groat_walk_read *read = &w->reads[i];
        if (read->resident) {
            continue;
        }
        const groat_walk_line *from = &w->lines[read->from];
        uint32_t end = next + 1;
        if (!read->adds_up) {
            const groat_line line = line_of(from);
            const groat_rows rows = rows_of(read);
            const groat_part part = part_of(&w->lines[at], next);
            end = groat_end_of(&rows, &line, from->height, from->width, &part);
        }
        if (w->made[read->from] < end) {
            return read->from;
        }
    }
    return NONE;
}

/* The first unit of a line, or pixel of an image, that a reader needs after `done` calls. */
static uint32_t first_needed(const walk *w, const groat_walk_read *read, const groat_line *line, uint32_t height,
                             uint32_t width, uint32_t done)
{
    const groat_walk_line *reader = &w->lines[read->reader];
    if (done >= reader->calls) {
        return groat_units_of(line, height, width);
    }
    const groat_rows rows = rows_of(read);
    const groat_part part = part_of(reader, done);
    return groat_start_of(&rows, line, height, width, &part);
}

static uint32_t first_needed_by_any(const walk *w, uint32_t index, uint32_t maker)
{
    const groat_walk_line *from = &w->lines[index];
    const groat_line line = line_of(from);
    uint32_t first = units_of(from);
    for (uint32_t i = w->first_reader[index]; i < w->first_reader[index + 1]; i++) {
        const groat_walk_read *read = &w->reads[w->by_source[i]];
        uint32_t done = w->made[read->reader] + (read->reader == maker && read->in_place);
        uint32_t needed = read->adds_up ? done : first_needed(w, read, &line, from->height, from->width, done);
        first = needed < first ? needed : first;
    }
    return first;
}

/* How far before each image the unit that comes now would have to lie. */
static void note_distance(const walk *w, uint32_t at)
{
    const groat_walk_line *line = &w->lines[at];
    const groat_part part = part_of(line, w->made[at]);
    int64_t start = ((int64_t)part.y * line->width + part.x) * line->pixel_bytes;
    int64_t end = start + (int64_t)part.pixels * line->pixel_bytes;
    for (uint32_t i = 0; i < w->read_count; i++) {
        const groat_walk_read *read = &w->reads[i];
        if (!read->resident) {
            continue;
        }
        const groat_walk_image *image = &w->images[read->from];
        const groat_line pixels = {.span = 1, .row_step = 1};
        uint32_t done = w->made[read->reader];
        uint32_t first =
            read->adds_up ? done * image->width : first_needed(w, read, &pixels, image->height, image->width, done);
        int64_t distance = end - (int64_t)first * image->pixel_bytes;
        if (read->reader == at && read->in_place && image->pixel_bytes == line->pixel_bytes) {
            /* In place it may lie exactly where it reads: start == first. */
            distance = start - (int64_t)first * image->pixel_bytes;
            distance = distance > 0 ? distance + (end - start) : distance;
        }
        int64_t *below = &w->below[at * w->image_count + read->from];
        *below = distance > *below ? distance : *below;
    }
}

static void make(const walk *w, uint32_t at)
{
    const groat_walk_line *line = &w->lines[at];
    uint32_t leader = line->leader;
    if (line->whole) {
        note_distance(w, at);
    }
    if (!w->lines[leader].whole) {
        uint32_t low = w->made[at], high = w->made[at];
        for (uint32_t i = 0; i < w->count; i++) {
            if (w->lines[i].leader != leader) {
                continue;
            }
            uint32_t first = first_needed_by_any(w, i, at);
            if (first < w->made[i]) {
                low = first < low ? first : low;
                high = w->made[i] - 1 > high ? w->made[i] - 1 : high;
            }
        }
        w->slots[leader] = high - low + 1 > w->slots[leader] ? high - low + 1 : w->slots[leader];
    }
    w->made[at]++;
}

static void walk_from(const walk *w, uint32_t last)
{
    for (uint32_t at = last;;) {
        uint32_t next = w->made[at];
        if (at == last && next == w->lines[at].calls) {
            return;
        }
        uint32_t wanted = missing(w, at, next);
        if (wanted != NONE) {
            w->asked_by[wanted] = at;
            at = wanted;
            continue;
        }
        make(w, at);
        uint32_t then = w->lines[at].then;
        uint32_t made = at;
        if (at != last) {
            uint32_t asked_by = w->asked_by[at];
            w->asked_by[at] = NONE;
            at = asked_by;
        }
        if (then != made && w->asked_by[then] == NONE && w->made[then] < w->lines[then].calls &&
            missing(w, then, w->made[then]) == NONE) {
            make(w, then);
        }
    }
}

int groat_walk_stream(const groat_walk_line *lines, uint32_t count, const groat_walk_read *reads, uint32_t read_count,
                      const groat_walk_image *images, uint32_t image_count, uint32_t *slots, int64_t *below)
{
    walk w = {.lines = lines,
              .reads = reads,
              .images = images,
              .count = count,
              .read_count = read_count,
              .image_count = image_count,
              .slots = slots,
              .below = below};
    uint32_t *memory = calloc(4u * (count + 1u) + read_count + 1u, sizeof *memory);
    if (memory == NULL) {
        return 0;
    }
    w.first_read = memory;
    w.first_reader = w.first_read + count + 1;
    w.made = w.first_reader + count + 1;
    w.asked_by = w.made + count + 1;
    w.by_source = w.asked_by + count + 1;
    for (uint32_t i = 0; i < read_count; i++) {
        w.first_read[reads[i].reader + 1] = i + 1;
    }
    uint32_t found = 0;
    for (uint32_t line = 0; line < count; line++) {
        uint32_t end = w.first_read[line + 1];
        w.first_read[line + 1] = end > w.first_read[line] ? end : w.first_read[line];
        w.first_reader[line] = found;
        for (uint32_t i = 0; i < read_count; i++) {
            if (!reads[i].resident && reads[i].from == line) {
                w.by_source[found++] = i;
            }
        }
        w.asked_by[line] = NONE;
        slots[line] = 1;
    }
    w.first_reader[count] = found;
    for (uint32_t i = 0; i < count * image_count; i++) {
        below[i] = INT64_MIN;
    }
    for (uint32_t last = count; last-- > 0;) {
        if (lines[last].kept) {
            walk_from(&w, last);
        }
    }
    free(memory);
    return 1;
}
