/* SPDX-License-Identifier: Apache-2.0
 *
 * An image that int8 layers read, a few rows at a time.  For templates, behind as_*.h.
 */
#include "../kernels/select.h"
#include "int8_update_tmpl.h"

enum {
    STRIP_PIXELS = 32 /* of dy in a strip at least, so that kernels have something to work on */
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
