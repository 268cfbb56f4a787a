/* SPDX-License-Identifier: Apache-2.0
 *
 * How convolution walks an image: row by row, with padding made real only where a window sticks out.
 */
#include "window.h"

static int check_axis(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad)
{
    if (in == 0 || out == 0 || kernel == 0 || stride == 0 || dilation == 0) {
        return GROAT_E_PARAMS;
    }
    uint64_t extent = (uint64_t)(kernel - 1) * dilation + 1;
    uint64_t last_start = (uint64_t)(out - 1) * stride;
    return extent <= UINT16_MAX && pad < extent && last_start < in + pad ? GROAT_OK : GROAT_E_PARAMS;
}

int groat_check_window(const groat_call *call, const groat_window *w, uint32_t out_c)
{
    GROAT_TRY(check_axis(w->in_h, w->out_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top));
    GROAT_TRY(check_axis(w->in_w, w->out_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)w->batches * w->in_h * w->in_w * w->in_c));
    return groat_check_tensor(call, 1, GROAT_INT8, (uint64_t)w->batches * w->out_h * w->out_w * out_c);
}

/* The first output column whose window sticks out at the right. */
static uint32_t right_border(const groat_window *w)
{
    uint32_t extent = groat_extent(w->kernel_w, w->dilation_w);
    uint32_t room = (uint32_t)w->in_w + w->pad_left;
    uint32_t first = room >= extent ? (room - extent) / w->stride_w + 1u : 0;
    return first < w->out_w ? first : w->out_w;
}

static uint32_t left_border(const groat_window *w)
{
    uint32_t count = ((uint32_t)w->pad_left + w->stride_w - 1u) / w->stride_w;
    return count < w->out_w ? count : w->out_w;
}

static int pads_rows(const groat_window *w)
{
    uint32_t end = (w->out_h - 1u) * w->stride_h + groat_extent(w->kernel_h, w->dilation_h);
    return w->pad_top > 0 || end > (uint32_t)w->in_h + w->pad_top;
}

static int pads_columns(const groat_window *w)
{
    return w->pad_left > 0 || right_border(w) < w->out_w;
}

static uint32_t window_bytes(const groat_window *w)
{
    return (uint32_t)w->kernel_h * w->kernel_w * w->in_c;
}

/* How many padded windows are gathered before the kernel is called: more serve it better, but take scratch. */
static uint32_t gathered(const groat_window *w)
{
    return window_bytes(w) <= 512 ? 4 : 2;
}

static uint64_t own_bytes(const groat_window *w)
{
    uint64_t bytes = (uint64_t)w->kernel_h * GROAT_POINTER_BYTES;
    if (pads_columns(w)) {
        bytes += (uint64_t)w->kernel_h * GROAT_POINTER_BYTES;
        bytes += (uint64_t)gathered(w) * w->kernel_h * w->kernel_w * w->in_c;
    }
    if (pads_rows(w)) {
        bytes += (uint64_t)w->in_w * w->in_c;
    }
    return bytes;
}

static uint64_t kernel_start(const groat_window *w)
{
    return (own_bytes(w) + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

uint32_t groat_window_scratch_bytes(const groat_window *w, uint64_t kernel_bytes)
{
    uint64_t bytes = kernel_bytes > 0 ? kernel_start(w) + kernel_bytes : own_bytes(w);
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void *groat_window_kernel_scratch(const groat_window *w, void *scratch)
{
    return (uint8_t *)scratch + kernel_start(w);
}

/* Padded windows on their way to the kernel.  They lie interleaved: row by row, and in a row pixel by pixel. */
typedef struct gather {
    const groat_window *w;
    const int8_t **rows;        /* of the first window */
    int8_t *windows;
    int8_t *out;                /* of the first window */
    uint32_t count;
    uint32_t room;
    int8_t padding;
    groat_segment segment;
    const void *context;
} gather;

static void flush(gather *g)
{
    uint32_t tap_bytes = g->w->in_c;
    if (g->count > 0) {
        g->segment(g->context, g->rows, tap_bytes, g->w->kernel_w * tap_bytes, g->out, g->count);
        g->count = 0;
    }
}

/* Copies the taps of one pixel side by side; `start` is the column of the first, which may lie outside. */
static void add_window(gather *g, const int8_t *const *rows, int32_t start, int8_t *out)
{
    const groat_window *w = g->w;
    uint32_t tap_bytes = w->in_c;
    int32_t step = w->dilation_w;
    /* Taps before the image, and taps up to its end; a window always touches it. */
    uint32_t first = start < 0 ? (uint32_t)((step - 1 - start) / step) : 0;
    uint32_t end = (uint32_t)((w->in_w - start + step - 1) / step);
    first = first < w->kernel_w ? first : w->kernel_w;
    end = end < w->kernel_w ? end : w->kernel_w;
    if (g->count == 0) {
        g->out = out;
    }
    for (uint32_t r = 0; r < w->kernel_h; r++) {
        int8_t *to = g->windows + (r * g->room + g->count) * w->kernel_w * tap_bytes;
        memset(to, g->padding, first * tap_bytes);
        if (step == 1) {
            memcpy(to + first * tap_bytes, rows[r] + (uint32_t)(start + (int32_t)first) * tap_bytes,
                   (end - first) * tap_bytes);
        } else {
            for (uint32_t t = first; t < end; t++) {
                memcpy(to + t * tap_bytes, rows[r] + (uint32_t)(start + (int32_t)t * step) * tap_bytes, tap_bytes);
            }
        }
        memset(to + end * tap_bytes, g->padding, (w->kernel_w - end) * tap_bytes);
    }
    if (++g->count == g->room) {
        flush(g);
    }
}

void groat_for_segments(const groat_window *w, int8_t padding, const int8_t *in, int8_t *out, uint32_t out_c,
                        void *scratch, groat_segment segment, const void *context)
{
    const int8_t **rows = scratch;
    uint32_t row_bytes = (uint32_t)w->in_w * w->in_c;
    uint32_t tap_stride = (uint32_t)w->dilation_w * w->in_c;
    uint32_t pixel_stride = (uint32_t)w->stride_w * w->in_c;

    int pointwise = w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1;
    if (pointwise && w->out_h == w->in_h && w->out_w == w->in_w) {
        rows[0] = in;
        segment(context, rows, tap_stride, pixel_stride, out, (uint32_t)w->batches * w->out_h * w->out_w);
        return;
    }

    int8_t *rest = (int8_t *)scratch + (uint32_t)w->kernel_h * GROAT_POINTER_BYTES;
    gather g = {.w = w, .padding = padding, .segment = segment, .context = context};
    if (pads_columns(w)) {
        g.rows = (const int8_t **)(void *)rest;
        g.windows = rest + (uint32_t)w->kernel_h * GROAT_POINTER_BYTES;
        g.room = gathered(w);
        rest = g.windows + g.room * window_bytes(w);
        for (uint32_t r = 0; r < w->kernel_h; r++) {
            g.rows[r] = g.windows + r * g.room * w->kernel_w * w->in_c;
        }
    }
    if (pads_rows(w)) {
        memset(rest, padding, row_bytes);
    }
    uint32_t left = left_border(w);
    uint32_t right = right_border(w);
    right = right < left ? left : right;
    uint32_t inset = left * pixel_stride - (uint32_t)w->pad_left * w->in_c;

    for (uint32_t b = 0; b < w->batches; b++, in += w->in_h * row_bytes) {
        for (uint32_t y = 0; y < w->out_h; y++) {
            int32_t top = (int32_t)(y * w->stride_h) - w->pad_top;
            for (uint32_t r = 0; r < w->kernel_h; r++) {
                int32_t row = top + (int32_t)(r * w->dilation_h);
                rows[r] = row >= 0 && row < w->in_h ? in + (uint32_t)row * row_bytes : rest;
            }
            for (uint32_t x = 0; x < left; x++, out += out_c) {
                add_window(&g, rows, (int32_t)(x * w->stride_w) - w->pad_left, out);
            }
            if (left < right) {
                flush(&g);
                for (uint32_t r = 0; r < w->kernel_h; r++) {
                    rows[r] += inset;
                }
                segment(context, rows, tap_stride, pixel_stride, out, right - left);
                for (uint32_t r = 0; r < w->kernel_h; r++) {
                    rows[r] -= inset;
                }
                out += (right - left) * out_c;
            }
            for (uint32_t x = right; x < w->out_w; x++, out += out_c) {
                add_window(&g, rows, (int32_t)(x * w->stride_w) - w->pad_left, out);
            }
        }
    }
    flush(&g);
}
