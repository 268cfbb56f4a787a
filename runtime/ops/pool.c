/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two poolings share: windows are cut off at the border, not padded.
 */
#include "pool.h"

int groat_check_pool(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max, uint8_t dtype)
{
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, w, w->in_c, dtype));
    GROAT_REQUIRE(w->dilation_h == 1 && w->dilation_w == 1 && act_min <= act_max);
    /* So that the sum of a window fits 32 bits. */
    GROAT_REQUIRE((uint32_t)w->kernel_h * w->kernel_w < 1u << (dtype == GROAT_INT8 ? 24 : 16));
    return GROAT_OK;
}

static groat_pool_s8 kernel_of(const groat_window *w, int32_t act_min, int32_t act_max)
{
    return (groat_pool_s8){
        .channels = w->in_c,
        .pixel_stride = (uint32_t)w->stride_w * w->in_c,
        .act_min = act_min,
        .act_max = act_max,
    };
}

/* Pixels [x, stop) of a row of the output, from the rows that their windows cover inside the image, of which the pointers
 * are at column `at`; moves them. */
static void pool_pixels(groat_pool_s8 *k, const groat_window *w, const int8_t **rows, uint32_t at, uint32_t x,
                        uint32_t stop, int8_t *out, groat_pool_kernel kernel)
{
    while (x < stop) {
        int32_t left = (int32_t)(x * w->stride_w) - w->pad_left;
        uint32_t first = left < 0 ? 0 : (uint32_t)left;
        int32_t end = left + w->kernel_w < w->in_w ? left + w->kernel_w : w->in_w;
        k->taps = (uint32_t)end - first;
        for (uint32_t r = 0; r < k->rows; r++) {
            rows[r] += (first - at) * w->in_c;
        }
        at = first;
        uint32_t pixels = 1;
        if (k->taps == w->kernel_w) { /* whole windows, from here to the last that fits */
            uint32_t whole = ((uint32_t)w->in_w - (uint32_t)end) / w->stride_w + 1;
            pixels = whole < stop - x ? whole : stop - x;
        }
        kernel(k, rows, out, pixels);
        out += pixels * w->in_c;
        x += pixels;
    }
}

/* The rows inside the image that row y of the output covers. */
static uint32_t covered(const groat_window *w, uint32_t y, uint32_t *first)
{
    int32_t top = (int32_t)(y * w->stride_h) - w->pad_top;
    int32_t end = top + w->kernel_h < w->in_h ? top + w->kernel_h : w->in_h;
    *first = top < 0 ? 0 : (uint32_t)top;
    return (uint32_t)end - *first;
}

void groat_pool(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max,
                groat_pool_kernel kernel)
{
    const int8_t *in = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    const int8_t **rows = groat_scratch(call);
    uint32_t row_bytes = (uint32_t)w->in_w * w->in_c;
    groat_pool_s8 k = kernel_of(w, act_min, act_max);
    for (uint32_t b = 0; b < w->batches; b++, in += w->in_h * row_bytes) {
        for (uint32_t y = 0; y < w->out_h; y++, out += (uint32_t)w->out_w * w->in_c) {
            uint32_t first;
            k.rows = covered(w, y, &first);
            for (uint32_t r = 0; r < k.rows; r++) {
                rows[r] = in + (first + r) * row_bytes;
            }
            pool_pixels(&k, w, rows, 0, 0, w->out_w, out, kernel);
        }
    }
}

/* ---- Part by part ---------------------------------------------------------------------------------- */

int groat_pool_is_global(const groat_window *w)
{
    return w->kernel_h == w->in_h && w->kernel_w == w->in_w && w->pad_top == 0 && w->pad_left == 0 && w->out_h == 1 &&
           w->out_w == 1;
}

int32_t groat_pool_mean(const groat_window *w, int32_t sum)
{
    int32_t count = (int32_t)w->in_h * w->in_w;
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count; /* division truncates */
}

void groat_pool_rows(const groat_window *w, groat_rows *rows)
{
    groat_window_rows(w, 0, rows);
    rows->cuts = 1;
}

/* The most columns of a row that are gathered at a time. */
static uint32_t gathered(const groat_window *w, const groat_unit *unit)
{
    uint32_t columns = (unit->pixels - 1) * w->stride_w + w->kernel_w;
    return unit->reach == GROAT_PIECES ? columns : 0;
}

uint32_t groat_pool_part_scratch_bytes(const groat_window *w, const groat_unit *unit)
{
    uint64_t bytes = (uint64_t)w->kernel_h * ((uint64_t)gathered(w, unit) * w->in_c + GROAT_POINTER_BYTES);
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void groat_pool_part(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max,
                     const groat_part *part, groat_pool_kernel kernel)
{
    const groat_unit unit = {part->pixels, part->reach};
    const int8_t **rows = groat_scratch(call);
    int8_t *rooms = (int8_t *)groat_scratch(call) + (uint32_t)w->kernel_h * GROAT_POINTER_BYTES;
    groat_pool_s8 k = kernel_of(w, act_min, act_max);
    int32_t left = (int32_t)(part->x * w->stride_w) - w->pad_left;
    int32_t right = left + (int32_t)((part->pixels - 1) * w->stride_w) + w->kernel_w;
    left = left < 0 ? 0 : left;
    right = right < w->in_w ? right : w->in_w;
    const groat_columns columns = {
        .view = groat_view_of(call->net, groat_arg_tensor(call, 0)),
        .x = left,
        .pixels = (uint32_t)(right - left),
        .reach = GROAT_PIECES,
    };
    uint32_t first;
    k.rows = covered(w, part->y, &first);
    for (uint32_t r = 0; r < k.rows; r++) {
        int32_t tap = (int32_t)(first + r) - ((int32_t)(part->y * w->stride_h) - w->pad_top);
        rows[r] = groat_gather(&columns, (uint32_t)tap, first + r, rooms + r * gathered(w, &unit) * w->in_c);
    }
    pool_pixels(&k, w, rows, (uint32_t)left, part->x, part->x + part->pixels, part->out, kernel);
}
