/* SPDX-License-Identifier: Apache-2.0
 *
 * The units of a line: which pixels each is, and which others a part of an image is made from.  The planner asks the
 * same functions.
 */
#ifndef GROAT_CORE_UNITS_H
#define GROAT_CORE_UNITS_H

#include "op.h"

static inline uint32_t groat_units_in_row(const groat_line *line, uint32_t width)
{
    return line->span >= width ? 1 : (width + line->span - 1) / line->span;
}

static inline uint32_t groat_rows_in(const groat_line *line, uint32_t height)
{
    return (height - line->first_row + line->row_step - 1) / line->row_step;
}

static inline uint32_t groat_units_of(const groat_line *line, uint32_t height, uint32_t width)
{
    return groat_rows_in(line, height) * groat_units_in_row(line, width);
}

static inline groat_part groat_part_at(const groat_line *line, uint32_t width, uint32_t unit)
{
    if (line->span >= width) {
        return (groat_part){line->first_row + unit * line->row_step, 0, width, NULL, 0};
    }
    uint32_t in_row = groat_units_in_row(line, width);
    uint32_t row = unit / in_row;
    uint32_t x = (unit - row * in_row) * line->span;
    return (groat_part){line->first_row + row * line->row_step, x, line->span < width - x ? line->span : width - x,
                        NULL, 0};
}

/* The rows between the first and the last that a part reads of a line; some may lie outside the image. */
static inline void groat_rows_read(const groat_rows *rows, const groat_line *line, uint32_t y, int32_t *first,
                                   int32_t *last)
{
    int32_t top = (int32_t)(y * rows->stride) - rows->pad;
    *first = top + (int32_t)line->first_tap * rows->dilation;
    *last = line->taps == 0 ? top + (int32_t)rows->extent - 1 : *first + (line->taps - 1) * (int32_t)rows->dilation;
}

/* The first unit of a line behind those that a part is made from. */
static inline uint32_t groat_end_of(const groat_rows *rows, const groat_line *line, uint32_t height, uint32_t width,
                                    const groat_part *part)
{
    int32_t first, last;
    groat_rows_read(rows, line, part->y, &first, &last);
    last = last < (int32_t)height ? last : (int32_t)height - 1;
    if (last < line->first_row) {
        return 0;
    }
    uint32_t row = ((uint32_t)last - line->first_row) / line->row_step;
    if ((int32_t)(line->first_row + row * line->row_step) < first) {
        return 0;
    }
    if (line->span >= width) {
        return row + 1;
    }
    int32_t end = (int32_t)((part->x + part->pixels - 1) * rows->stride_w + rows->extent_w) - rows->pad_w;
    end = end < 0 ? 0 : end < (int32_t)width ? end : (int32_t)width;
    return row * groat_units_in_row(line, width) + ((uint32_t)end + line->span - 1) / line->span;
}

/* The first unit of a line that is still read for a part or one after it. */
static inline uint32_t groat_start_of(const groat_rows *rows, const groat_line *line, uint32_t height, uint32_t width,
                                      const groat_part *part)
{
    int32_t first, last;
    groat_rows_read(rows, line, part->y, &first, &last);
    uint32_t row = 0; /* of the line */
    if (first > line->first_row) {
        row = ((uint32_t)first - line->first_row + line->row_step - 1) / line->row_step;
    }
    if (row >= groat_rows_in(line, height)) {
        return groat_units_of(line, height, width);
    }
    if (line->span >= width) {
        return row;
    }
    /* The next row of parts may read this row, too, and then from its start on. */
    int again = (int32_t)(line->first_row + row * line->row_step) >= first + rows->stride;
    uint32_t x = part->x * rows->stride_w;
    x = again || x < rows->pad_w ? 0 : x - rows->pad_w;
    uint32_t in_row = groat_units_in_row(line, width);
    return row * in_row + (x < width ? x / line->span : in_row);
}

#endif
