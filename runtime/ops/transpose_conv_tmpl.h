/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a convolution's input, as a layer: each pixel of x adds its filters to a window of y.
 *
 * Seen from y, pixels whose place in the window is the same modulo the stride are a convolution of x with stride 1 and
 * every so many taps of the filters, the last one first.  These are the phases, as many as the stride has places; each is
 * a filter of its own for the kernels of CONV_2D, whose outputs are a stride apart.  Phase 0 has the most taps.
 *
 * Included for each type, which defines PARAMS, KERNEL (the kernel's arguments), ELEMENT, DTYPE, NEEDS, CHECK, RUN,
 * PADDING(p), and START(p, k), which sets what only its kernel has.
 */
#include "../kernels/select.h"
#include "window.h"

static uint64_t align_up(uint64_t bytes)
{
    return (bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

/* One axis of a phase: pixels of y from `first` on, a stride apart; the window of the first begins at `start` of x. */
typedef struct phase_axis {
    uint32_t taps;
    uint32_t first;
    uint32_t count; /* may be zero */
    int32_t start;
} phase_axis;

static phase_axis axis_of(uint32_t phase, uint32_t kernel, uint32_t stride, uint32_t pad, uint32_t out)
{
    phase_axis axis = {.taps = (kernel - phase - 1) / stride + 1};
    axis.first = (phase + stride - pad % stride) % stride;
    axis.count = axis.first < out ? (out - axis.first - 1) / stride + 1 : 0;
    axis.start = (int32_t)((axis.first + pad) / stride) - (int32_t)(axis.taps - 1);
    return axis;
}

static phase_axis rows_of(const groat_window *w, uint32_t phase)
{
    return axis_of(phase, w->kernel_h, w->stride_h, w->pad_top, w->out_h);
}

static phase_axis columns_of(const groat_window *w, uint32_t phase)
{
    return axis_of(phase, w->kernel_w, w->stride_w, w->pad_left, w->out_w);
}

/* The columns of x that are read, from the first to the one behind the last; those outside are padding. */
typedef struct reach {
    int32_t first;
    int32_t end;
} reach;

static reach reach_of(const groat_window *w)
{
    reach r = {0, 1};
    for (uint32_t phase = 0; phase < w->stride_w; phase++) {
        const phase_axis c = columns_of(w, phase);
        if (c.count > 0) {
            int32_t end = c.start + (int32_t)(c.count - 1 + c.taps);
            r.first = c.start < r.first ? c.start : r.first;
            r.end = end > r.end ? end : r.end;
        }
    }
    return r;
}

static int is_padded(const groat_window *w, const reach *r)
{
    return r->first < 0 || r->end > w->in_w;
}

/* Scratch: row pointers; a row of padding; where columns are padded, as many copies of rows as a window spans; and the
 * kernel's own. */
static uint32_t window_rows(const groat_window *w)
{
    return (uint32_t)(w->kernel_h - 1) / w->stride_h + 1u;
}

static uint64_t row_bytes(const groat_window *w, const reach *r)
{
    return align_up((uint64_t)(uint32_t)(r->end - r->first) * w->in_c * sizeof(ELEMENT));
}

static uint64_t border_at(const groat_window *w)
{
    return align_up((uint64_t)window_rows(w) * GROAT_POINTER_BYTES);
}

static uint64_t kernel_at(const groat_window *w)
{
    const reach r = reach_of(w);
    return border_at(w) + row_bytes(w, &r) * (is_padded(w, &r) ? window_rows(w) + 1 : 1);
}

/* The kernel's arguments for a phase, but for its pointers. */
static KERNEL kernel_of(const PARAMS *p, uint32_t rows, uint32_t columns)
{
    const groat_window *w = &p->window;
    KERNEL k = {
        .layout = p->layout,
        .channels_out = p->out_c,
        .rows = rows,
        .taps = 1,
        .run = columns * w->in_c,
        .tap_stride = w->in_c,
        .pixel_stride = w->in_c,
        .out_stride = (uint32_t)w->stride_w * p->out_c,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
    START(p, &k);
    return k;
}

/* The next phase, row by row; 0 after the last. */
typedef struct phases {
    uint32_t row;
    uint32_t column;
    uint64_t weights; /* offsets of its constants in the file */
    uint64_t channels;
} phases;

static int next_phase(const groat_window *w, const groat_needs *needs, phases *at)
{
    at->weights += align_up(needs->weights_bytes);
    at->channels += align_up(needs->channels_bytes);
    if (++at->column == w->stride_w) {
        at->column = 0;
        at->row++;
    }
    return at->row < w->stride_h;
}

static KERNEL phase_kernel(const PARAMS *p, const phases *at, groat_needs *needs, int *known)
{
    const groat_window *w = &p->window;
    KERNEL k = kernel_of(p, rows_of(w, at->row).taps, columns_of(w, at->column).taps);
    needs->more_rows = 0;
    *known = NEEDS(&k, needs) && needs->more_rows == 0;
    return k;
}

static int check_side(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad)
{
    GROAT_REQUIRE(in > 0 && out > 0 && stride > 0 && kernel >= stride && dilation == 1 && pad < kernel);
    return GROAT_OK;
}

static int check(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(check_side(w->in_h, w->out_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top));
    GROAT_TRY(check_side(w->in_w, w->out_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)w->batches * w->in_h * w->in_w * w->in_c));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, (uint64_t)w->batches * w->out_h * w->out_w * p->out_c));
    GROAT_REQUIRE((uint64_t)w->kernel_w * w->in_c <= INT32_MAX && p->act_min <= p->act_max);
    phases at = {.weights = p->weights, .channels = p->channels};
    groat_needs needs;
    do {
        int known;
        KERNEL k = phase_kernel(p, &at, &needs, &known);
        GROAT_REQUIRE(known && at.weights <= UINT32_MAX && at.channels <= UINT32_MAX);
        GROAT_REQUIRE(needs.weights_bytes <= UINT32_MAX && needs.channels_bytes <= UINT32_MAX);
        GROAT_REQUIRE(needs.weights_bytes > 0 && needs.channels_bytes > 0);
        GROAT_TRY(groat_check_const(call, (uint32_t)at.weights, needs.weights_bytes));
        GROAT_TRY(groat_check_const(call, (uint32_t)at.channels, needs.channels_bytes));
        k.weights = groat_const(call, (uint32_t)at.weights);
        k.channels = groat_const(call, (uint32_t)at.channels);
        GROAT_REQUIRE(CHECK(&k));
    } while (next_phase(w, &needs, &at));
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const PARAMS *p = params;
    uint64_t most = 0;
    phases at = {.row = 0};
    groat_needs needs;
    do {
        int known;
        phase_kernel(p, &at, &needs, &known);
        most = needs.scratch_bytes > most ? needs.scratch_bytes : most;
    } while (next_phase(&p->window, &needs, &at));
    uint64_t bytes = kernel_at(&p->window) + most;
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

/* The rows of x that a row of y is made from. */
typedef struct walk {
    const int8_t **rows;
    const int8_t *border; /* column `first` of a row of padding */
    int8_t *copies; /* column `first` of the first copy, or null */
    const int8_t *in; /* column 0 of the first row of the image */
    uint32_t pitch; /* bytes from one copy to the next */
    uint32_t slots;
    int32_t next; /* the row that is copied next */
    reach columns;
} walk;

static uint32_t pixel_bytes(const groat_window *w)
{
    return w->in_c * (uint32_t)sizeof(ELEMENT);
}

/* Points at column 0 of the rows from `start` on. */
static void point(const groat_window *w, walk *s, int32_t start, uint32_t taps)
{
    const int32_t before = -s->columns.first * (int32_t)pixel_bytes(w), height = w->in_h;
    const uint32_t image_row = w->in_w * pixel_bytes(w);
    const uint32_t read = (uint32_t)(s->columns.end < w->in_w ? s->columns.end : w->in_w) * pixel_bytes(w);
    int32_t end = start + (int32_t)taps;
    end = end < height ? end : height;
    if (s->copies != NULL) {
        for (s->next = s->next < start ? start : s->next; s->next < end; s->next++) {
            int8_t *copy = s->copies + (uint32_t)s->next % s->slots * s->pitch + before;
            memcpy(copy, s->in + (uint32_t)s->next * image_row, read);
        }
    }
    for (uint32_t r = 0; r < taps; r++) {
        const int32_t row = start + (int32_t)r;
        s->rows[r] = row < 0 || row >= height ? s->border + before
                     : s->copies != NULL      ? s->copies + (uint32_t)row % s->slots * s->pitch + before
                                              : s->in + (uint32_t)row * image_row;
    }
}

/* A row of y: all phases of its columns. */
static void run_row(const groat_call *call, const PARAMS *p, walk *s, uint32_t y, ELEMENT *out, void *scratch)
{
    const groat_window *w = &p->window;
    const uint32_t phase = (y + w->pad_top) % w->stride_h;
    const phase_axis rows = rows_of(w, phase);
    point(w, s, rows.start + (int32_t)((y - rows.first) / w->stride_h), rows.taps);
    phases at = {.weights = p->weights, .channels = p->channels};
    groat_needs needs;
    int more, known;
    do {
        KERNEL k = phase_kernel(p, &at, &needs, &known);
        const phase_axis columns = columns_of(w, at.column);
        if (at.row == phase && columns.count > 0) {
            k.weights = groat_const(call, (uint32_t)at.weights);
            k.channels = groat_const(call, (uint32_t)at.channels);
            k.scratch = scratch;
            const int32_t start = columns.start * (int32_t)pixel_bytes(w);
            for (uint32_t r = 0; r < rows.taps; r++) {
                s->rows[r] += start;
            }
            RUN(&k, s->rows, out + columns.first * p->out_c, columns.count);
            for (uint32_t r = 0; r < rows.taps; r++) {
                s->rows[r] -= start;
            }
        }
        more = next_phase(w, &needs, &at);
    } while (more && at.row <= phase);
}

static void run(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    const groat_window *w = &p->window;
    uint8_t *scratch = groat_scratch(call);
    walk s = {
        .rows = (void *)scratch,
        .border = (int8_t *)scratch + border_at(w),
        .in = groat_in(call, 0),
        .slots = window_rows(w),
        .columns = reach_of(w),
    };
    s.pitch = (uint32_t)row_bytes(w, &s.columns);
    uint32_t padded = s.pitch;
    if (is_padded(w, &s.columns)) {
        s.copies = (int8_t *)scratch + border_at(w) + s.pitch; /* never touches the sides again */
        padded += s.slots * s.pitch;
    }
    memset(scratch + border_at(w), PADDING(p), padded);
    ELEMENT *out = groat_out(call, 0);
    for (uint32_t n = 0; n < w->batches; n++) {
        s.next = 0;
        for (uint32_t y = 0; y < w->out_h; y++, out += w->out_w * p->out_c) {
            run_row(call, p, &s, y, out, scratch + kernel_at(w));
        }
        s.in += w->in_h * w->in_w * pixel_bytes(w);
    }
}
