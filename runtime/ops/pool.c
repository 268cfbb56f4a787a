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

/* One row of the output, from the starts of the rows that its windows cover inside the image; moves the pointers. */
static void pool_row(groat_pool_s8 *k, const groat_window *w, const int8_t **rows, int8_t *out,
                     groat_pool_kernel kernel)
{
    uint32_t at = 0; /* the column that the pointers are at */
    for (uint32_t x = 0; x < w->out_w;) {
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
            pixels = whole < w->out_w - x ? whole : w->out_w - x;
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
            pool_row(&k, w, rows, out, kernel);
        }
    }
}

void groat_pool_rows(const groat_window *w, groat_rows *rows)
{
    *rows = (groat_rows){.count = w->out_h, .extent = w->kernel_h, .stride = w->stride_h, .pad = w->pad_top};
}

void groat_pool_one_row(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max, uint32_t y,
                        groat_pool_kernel kernel)
{
    const int8_t **rows = groat_scratch(call);
    groat_pool_s8 k = kernel_of(w, act_min, act_max);
    uint32_t first;
    k.rows = covered(w, y, &first);
    for (uint32_t r = 0; r < k.rows; r++) {
        rows[r] = groat_row(call, 0, first + r);
    }
    pool_row(&k, w, rows, groat_row(call, 1, y), kernel);
}
