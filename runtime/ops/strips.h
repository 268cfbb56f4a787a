/* SPDX-License-Identifier: Apache-2.0
 *
 * An image that int8 layers read, a few rows at a time.  For templates, behind as_*.h.
 */
#include "../kernels/select.h"
#include "int8_update_tmpl.h"

enum {
    STRIP_PIXELS = 16 /* of dy in a strip at least, so that kernels have something to work on */
};

static inline uint32_t rows_of_strip(const groat_window *w)
{
    return at_most((STRIP_PIXELS + w->out_w - 1u) / w->out_w, w->out_h);
}

/* Some rows of the output as a window of their own, over the rows of the image that they are made from. */
typedef struct strip {
    groat_window window;
    uint32_t in_row; /* the first of these */
} strip;

static inline strip strip_of(const groat_window *w, uint32_t row, uint32_t rows)
{
    strip s;
    s.window = groat_window_of_outputs(w, (groat_share){row, row + at_most(rows, w->out_h - row)}, &s.in_row);
    const uint32_t reach = (s.window.out_h - 1u) * w->stride_h + groat_extent(w->kernel_h, w->dilation_h);
    const uint32_t inside = reach > s.window.pad_top ? reach - s.window.pad_top : 1;
    s.window.in_h = (uint16_t)at_most(s.window.in_h, inside);
    return s;
}

/* What each int8 stands for, from -128 on: scale * (q - zero_point). */
enum {
    REALS = 256
};

static inline void make_reals(ELEMENT *reals, float scale, int32_t zero_point)
{
    for (int32_t q = 0; q < REALS; q++) {
        reals[q] = NARROW(scale * (float)(q - 128 - zero_point));
    }
}

/* The rows that a strip reads, as real numbers. */
typedef struct real_rows {
    const ELEMENT *reals;
    ELEMENT *to;
    uint32_t width; /* pixels of a row, */
    uint32_t depth; /* and channels of these that are read; */
    uint32_t stride; /* bytes from one pixel of the image to the next */
    uint32_t first; /* those that are there, of the strip before */
    uint32_t end;
} real_rows;

static inline void read_pixels(const int8_t *q, const real_rows *rows, ELEMENT *to, uint32_t pixels)
{
    const ELEMENT *reals = rows->reals + 128;
    const uint32_t whole = rows->stride == rows->depth;
    const uint32_t run = whole ? pixels * rows->depth : rows->depth;
    for (uint32_t p = 0; p < (whole ? 1 : pixels); p++, q += rows->stride) {
        for (uint32_t i = 0; i < run; i++) {
            *to++ = reals[q[i]];
        }
    }
}

/* Those of a strip, from the first row of the image on: what the one before has read is moved to the front. */
static inline void read_rows(real_rows *rows, const int8_t *image, const strip *s)
{
    const uint32_t row = rows->width * rows->depth;
    const uint32_t had = rows->end > s->in_row ? at_most(rows->end - s->in_row, s->window.in_h) : 0;
    const uint32_t away = s->in_row - rows->first;
    for (uint32_t r = 0; away > 0 && r < had; r++) {
        memcpy(rows->to + r * row, rows->to + (r + away) * row, row * sizeof(ELEMENT));
    }
    rows->first = s->in_row;
    rows->end = s->in_row + s->window.in_h;
    read_pixels(image + (s->in_row + had) * rows->width * rows->stride, rows, rows->to + had * row,
                (s->window.in_h - had) * rows->width);
}
