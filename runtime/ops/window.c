/* SPDX-License-Identifier: Apache-2.0
 *
 * How convolution walks an image: row by row.  Where windows stick out at the left or right, rows are copied with
 * their padding into a ring that holds as many as a window spans; each row is copied once.
 */
#include "window.h"

enum {
    WHOLE_BYTES = 1024, /* of the rows of a window that are gathered whole in a stream */
    PART_BYTES = 2560 /* of the scratch of a part: a row of padding takes what it leaves, if that is a pixel's window */
};

static int check_axis(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad)
{
    if (in == 0 || out == 0 || kernel == 0 || stride == 0 || dilation == 0) {
        return GROAT_E_PARAMS;
    }
    uint64_t extent = (uint64_t)(kernel - 1) * dilation + 1;
    uint64_t last_start = (uint64_t)(out - 1) * stride;
    return extent <= UINT16_MAX && pad < extent && last_start < in + pad ? GROAT_OK : GROAT_E_PARAMS;
}

int groat_check_axes(const groat_window *w)
{
    GROAT_TRY(check_axis(w->in_h, w->out_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top));
    return check_axis(w->in_w, w->out_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left);
}

int groat_check_window(const groat_call *call, const groat_window *w, uint32_t out_c, uint8_t dtype)
{
    GROAT_TRY(groat_check_axes(w));
    GROAT_TRY(groat_check_tensor(call, 0, dtype, (uint64_t)w->batches * w->in_h * w->in_w * w->in_c));
    return groat_check_tensor(call, 1, dtype, (uint64_t)w->batches * w->out_h * w->out_w * out_c);
}

/* Columns from the first tap of a row's first pixel to the last tap of its last, padding included. */
static uint32_t columns(const groat_window *w)
{
    return (w->out_w - 1u) * w->stride_w + groat_extent(w->kernel_w, w->dilation_w);
}

static int pads_columns(const groat_window *w)
{
    return w->pad_left > 0 || columns(w) > w->in_w;
}

static int pads_rows(const groat_window *w)
{
    uint32_t end = (w->out_h - 1u) * w->stride_h + groat_extent(w->kernel_h, w->dilation_h);
    return w->pad_top > 0 || end > (uint32_t)w->in_h + w->pad_top;
}

/* Rows from the first that a strip reads to the last; in a strip of several, windows are one row apart. */
static uint32_t span(const groat_window *w, uint32_t strip)
{
    return groat_extent(w->kernel_h, w->dilation_h) + strip - 1u;
}

/* Row pointers that a strip needs. */
static uint32_t pointers(const groat_window *w, uint32_t strip)
{
    return w->kernel_h + strip - 1u;
}

/* Rows in the ring. */
static uint32_t ring_rows(const groat_window *w, uint32_t strip)
{
    uint32_t rows = span(w, strip);
    return rows < w->in_h ? rows : w->in_h;
}

/* Bytes before the padding of a row in the ring, so that what is copied starts at a whole word. */
static uint32_t lead(const groat_window *w)
{
    return (0u - (uint32_t)w->pad_left * w->in_c) % sizeof(uint32_t);
}

/* Bytes from one row of the ring to the next. */
static uint64_t pitch(const groat_window *w)
{
    uint64_t bytes = lead(w) + (uint64_t)columns(w) * w->in_c;
    return (bytes + sizeof(uint32_t) - 1) / sizeof(uint32_t) * sizeof(uint32_t);
}

static uint64_t own_bytes(const groat_window *w, uint32_t strip)
{
    uint64_t bytes = (uint64_t)pointers(w, strip) * GROAT_POINTER_BYTES;
    if (pads_columns(w)) {
        return bytes + (ring_rows(w, strip) + (pads_rows(w) ? 1u : 0u)) * pitch(w);
    }
    return bytes + (pads_rows(w) ? (uint64_t)w->in_w * w->in_c : 0);
}

static uint64_t kernel_start(const groat_window *w, uint32_t strip)
{
    return (own_bytes(w, strip) + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

uint32_t groat_strips_scratch_bytes(const groat_window *w, uint32_t strip, uint64_t kernel_bytes)
{
    uint64_t bytes = kernel_bytes > 0 ? kernel_start(w, strip) + kernel_bytes : own_bytes(w, strip);
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void *groat_strips_kernel_scratch(const groat_window *w, uint32_t strip, void *scratch)
{
    return (uint8_t *)scratch + kernel_start(w, strip);
}

void groat_for_strips(const groat_window *w, uint32_t strip, int8_t padding, const int8_t *in, int8_t *out,
                      uint32_t out_c, void *scratch, groat_segment segment, const void *context)
{
    const int8_t **rows = scratch;
    uint32_t row_bytes = (uint32_t)w->in_w * w->in_c;

    int pointwise = w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1;
    if (pointwise && w->out_h == w->in_h && w->out_w == w->in_w) {
        rows[0] = in;
        segment(context, rows, out, (uint32_t)w->batches * w->out_h * w->out_w);
        return;
    }

    /* The rows that the kernel sees: those of the image where they need no padding at the sides, else a ring of copies. */
    uint32_t row_count = pointers(w, strip);
    int8_t *own = (int8_t *)scratch + row_count * GROAT_POINTER_BYTES;
    const int8_t *seen = in; /* the first tap of the first of them */
    uint32_t slots = w->in_h; /* how many they are */
    uint32_t step = row_bytes; /* from one to the next */
    int8_t *border = own; /* a row of padding */
    int8_t *copies = NULL; /* where the first column of the image goes in the first of them */
    uint32_t copied = row_bytes; /* bytes of a row that go there */
    uint32_t padded = pads_rows(w) ? row_bytes : 0;
    if (pads_columns(w)) {
        uint32_t before = (uint32_t)w->pad_left * w->in_c;
        uint32_t room = columns(w) * w->in_c - before;
        slots = ring_rows(w, strip);
        step = (uint32_t)pitch(w);
        seen = own + lead(w);
        border = own + slots * step + lead(w);
        copies = own + lead(w) + before;
        copied = row_bytes < room ? row_bytes : room;
        padded = (slots + (pads_rows(w) ? 1u : 0u)) * step;
    }
    memset(own, padding, padded); /* copies never touch the sides again */

    uint32_t out_bytes = w->out_w * out_c; /* of a row */
    for (uint32_t b = 0; b < w->batches; b++, in += w->in_h * row_bytes) {
        seen = copies != NULL ? seen : in;
        int32_t next = 0; /* the row of the image that is copied next */
        for (uint32_t left = w->out_h; left > 0;) {
            uint32_t fresh = left < strip ? left : strip; /* the last strip reaches back */
            uint32_t y = w->out_h - left - (strip - fresh);
            left -= fresh;
            int32_t top = (int32_t)(y * w->stride_h) - w->pad_top;
            int32_t end = top + (int32_t)span(w, strip);
            end = end < w->in_h ? end : w->in_h;
            if (copies != NULL) {
                for (next = next < top ? top : next; next < end; next++) {
                    memcpy(copies + (uint32_t)next % slots * step, in + (uint32_t)next * row_bytes, copied);
                }
            }
            for (uint32_t r = 0; r < row_count; r++) {
                int32_t row = top + (int32_t)(r * w->dilation_h);
                rows[r] = row >= 0 && row < w->in_h ? seen + (uint32_t)row % slots * step : border;
            }
            segment(context, rows, out - (strip - fresh) * out_bytes, w->out_w);
            out += fresh * out_bytes;
        }
    }
}

/* ---- Part by part ---------------------------------------------------------------------------------- */

int groat_window_check_rows(const groat_call *call, const groat_window *w)
{
    const uint32_t *in = groat_arg_tensor(call, 0)->dims, *out = groat_arg_tensor(call, 1)->dims;
    return w->batches == 1 && in[1] == w->in_h && in[2] == w->in_w && out[1] == w->out_h && out[2] == w->out_w;
}

void groat_window_rows(const groat_window *w, int8_t padding, groat_rows *rows)
{
    *rows = (groat_rows){
        .extent = groat_extent(w->kernel_h, w->dilation_h),
        .extent_w = groat_extent(w->kernel_w, w->dilation_w),
        .stride = w->stride_h,
        .stride_w = w->stride_w,
        .pad = w->pad_top,
        .pad_w = w->pad_left,
        .dilation = w->dilation_h,
        .gathers = 1,
        .padding = padding,
    };
}

/* The columns that the windows of so many pixels span. */
static uint32_t columns_of(const groat_window *w, uint32_t pixels)
{
    return (pixels - 1) * w->stride_w + groat_extent(w->kernel_w, w->dilation_w);
}

/* The pixels of a row whose windows stick out at no side: [*first, *end). */
static void inner(const groat_window *w, uint32_t *first, uint32_t *end)
{
    uint32_t left = ((uint32_t)w->pad_left + w->stride_w - 1u) / w->stride_w;
    uint32_t seen = (uint32_t)w->in_w + w->pad_left;
    uint32_t extent = groat_extent(w->kernel_w, w->dilation_w);
    uint32_t fit = seen >= extent ? (seen - extent) / w->stride_w + 1 : 0;
    *first = left < w->out_w ? left : w->out_w;
    *end = fit < w->out_w ? fit : w->out_w;
    *end = *end > *first ? *end : *first;
}

/* How many rows of a window can lie inside the image. */
static uint32_t rows_inside(const groat_window *w)
{
    uint32_t most = ((uint32_t)w->in_h + w->dilation_h - 1u) / w->dilation_h;
    return most < w->kernel_h ? most : w->kernel_h;
}

/* Whether a part is cut where windows begin and end to stick out, so that only those at the sides are gathered: of whole
 * rows without padding beside them that are too long to be gathered whole. */
static int is_cut(const groat_window *w, const groat_unit *unit)
{
    return unit->reach == GROAT_BARE && unit->pixels == w->out_w &&
           (uint64_t)rows_inside(w) * columns_of(w, w->out_w) * w->in_c > WHOLE_BYTES;
}

/* The most columns of a row that are gathered at a time. */
static uint32_t gathered(const groat_window *w, const groat_unit *unit)
{
    if (unit->reach == GROAT_PADDED) {
        return 0;
    }
    if (!is_cut(w, unit)) {
        return columns_of(w, unit->pixels);
    }
    uint32_t first, end;
    inner(w, &first, &end);
    uint32_t last = w->out_w - end;
    uint32_t most = first > last ? first : last;
    return most > 0 ? columns_of(w, most) : 0;
}

static uint64_t part_kernel_start(const groat_window *w, const groat_unit *unit)
{
    uint64_t bytes = (uint64_t)w->kernel_h * GROAT_POINTER_BYTES;
    bytes += (uint64_t)rows_inside(w) * gathered(w, unit) * w->in_c;
    return (bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

/* How many pixels a part is computed in at a time where windows stick out above or below: the row of padding that they
 * read, behind so many bytes of other scratch, is as short as that. */
static uint32_t border_pixels(const groat_window *w, uint32_t pixels, uint64_t start)
{
    uint32_t most = start < PART_BYTES ? (PART_BYTES - (uint32_t)start) / w->in_c : 0;
    uint32_t extent = groat_extent(w->kernel_w, w->dilation_w);
    most = most > extent ? (most - extent) / w->stride_w + 1 : 1;
    return pixels <= most ? pixels : (pixels - 1) / ((pixels - 1) / most + 1) + 1; /* all about as long */
}

uint32_t groat_window_part_scratch_bytes(const groat_window *w, const groat_unit *unit, uint64_t kernel_bytes)
{
    uint64_t bytes = part_kernel_start(w, unit) + kernel_bytes;
    if (pads_rows(w)) {
        bytes += (uint64_t)columns_of(w, border_pixels(w, unit->pixels, bytes)) * w->in_c;
    }
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

/* A row of padding behind the kernel's scratch, for as many pixels as it returns. */
static uint32_t start_border(const groat_call *call, const groat_window *w, int8_t padding, const groat_unit *unit,
                             groat_kernel_bytes kernel_bytes, int8_t **border)
{
    uint64_t start = part_kernel_start(w, unit) + kernel_bytes(groat_params(call), unit->pixels);
    uint32_t pixels = border_pixels(w, unit->pixels, start);
    *border = (int8_t *)groat_scratch(call) + start;
    memset(*border, padding, columns_of(w, pixels) * w->in_c);
    return pixels;
}

/* A part whose rows lie in one piece each, with all that its windows read. */
static void window_in_place(const groat_call *call, const groat_window *w, int8_t padding, const groat_view *view,
                            const groat_part *part, groat_segment segment, const void *context,
                            groat_kernel_bytes kernel_bytes)
{
    const int8_t **taps = groat_scratch(call);
    int32_t at = ((int32_t)(part->x * w->stride_w) - w->pad_left) * w->in_c;
    uint32_t y = part->y * w->stride_h - w->pad_top; /* wraps above the image */
    int outside = 0;
    for (uint32_t r = 0; r < w->kernel_h; r++, y += w->dilation_h) {
        taps[r] = y < w->in_h ? (const int8_t *)groat_view_row(view, y) + at : NULL;
        outside |= y >= w->in_h;
    }
    if (!outside) {
        segment(context, taps, part->out, part->pixels);
        return;
    }
    const groat_unit unit = {part->pixels, part->reach};
    int8_t *border, *out = part->out;
    uint32_t most = start_border(call, w, padding, &unit, kernel_bytes, &border);
    uint32_t out_bytes = groat_pixel_bytes(groat_arg_tensor(call, 1));
    for (uint32_t r = 0; r < w->kernel_h; r++) {
        taps[r] = taps[r] != NULL ? taps[r] : border;
    }
    for (uint32_t left = part->pixels, count; left > 0; left -= count) {
        count = left < most ? left : most;
        segment(context, taps, out, count);
        out += count * out_bytes;
        for (uint32_t r = 0; r < w->kernel_h; r++) {
            taps[r] += taps[r] != border ? count * w->stride_w * w->in_c : 0;
        }
    }
}

void groat_window_part(const groat_call *call, const groat_window *w, int8_t padding, const groat_part *part,
                       groat_segment segment, const void *context, void **kernel_scratch,
                       groat_kernel_bytes kernel_bytes)
{
    const groat_unit unit = {part->pixels, part->reach};
    const groat_view view = groat_view_of(call->net, groat_arg_tensor(call, 0));
    uint8_t *scratch = groat_scratch(call);
    if (part->reach == GROAT_PADDED && view.slots > 0) {
        *kernel_scratch =
            scratch + ((uint32_t)w->kernel_h * GROAT_POINTER_BYTES + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
        window_in_place(call, w, padding, &view, part, segment, context, kernel_bytes);
        return;
    }
    uint32_t room_bytes = gathered(w, &unit) * w->in_c;
    const int8_t **taps = (const int8_t **)(void *)scratch;
    int8_t *rooms = (int8_t *)scratch + (uint32_t)w->kernel_h * GROAT_POINTER_BYTES, *border = NULL;
    *kernel_scratch = scratch + part_kernel_start(w, &unit);

    uint32_t cuts[] = {0, part->pixels};
    if (is_cut(w, &unit)) {
        inner(w, &cuts[0], &cuts[1]);
    }
    int32_t top = (int32_t)(part->y * w->stride_h) - w->pad_top;
    uint32_t most = part->pixels;
    if (top < 0 || top + (int32_t)groat_extent(w->kernel_h, w->dilation_h) > w->in_h) {
        most = start_border(call, w, padding, &unit, kernel_bytes, &border);
    }
    int8_t *out = part->out;
    uint32_t out_bytes = groat_pixel_bytes(groat_arg_tensor(call, 1));
    for (uint32_t done = 0; done < part->pixels;) {
        uint32_t end = done < cuts[0] ? cuts[0] : done < cuts[1] ? cuts[1] : part->pixels;
        end = end - done < most ? end : done + most;
        const groat_columns columns = {
            .view = view,
            .x = (int32_t)((part->x + done) * w->stride_w) - w->pad_left,
            .pixels = columns_of(w, end - done),
            .padding = padding,
            .reach = unit.reach,
        };
        int8_t *room = rooms;
        for (uint32_t r = 0; r < w->kernel_h; r++) {
            int32_t y = top + (int32_t)(r * w->dilation_h);
            if (y >= 0 && y < w->in_h) {
                taps[r] = groat_gather(&columns, r, (uint32_t)y, room);
                room += room_bytes;
            } else {
                taps[r] = border;
            }
        }
        segment(context, taps, out + done * out_bytes, end - done);
        done = end;
    }
}
