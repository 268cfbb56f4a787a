/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts a constant around a tensor: fills the output, then copies the input's innermost runs into it.
 */
#include "../core/op.h"

enum {
    RANK = GROAT_RANK_MAX
};

static int check(const groat_call *call)
{
    const groat_pad_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    GROAT_REQUIRE(p->element_bytes == groat_dtype_bytes(dtype));
    for (int i = 0; i < RANK; i++) {
        GROAT_REQUIRE((uint64_t)p->before[i] + p->in_dims[i] <= p->out_dims[i]);
    }
    uint64_t elements = groat_product(p->in_dims, RANK);
    GROAT_REQUIRE(elements > 0);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, elements));
    uint64_t out_elements = groat_product(p->out_dims, RANK);
    GROAT_REQUIRE(out_elements > 0);
    return groat_check_tensor(call, 1, dtype, out_elements);
}

static void fill(const groat_pad_params *p, uint8_t *out, uint32_t elements)
{
    if (p->element_bytes == 1) {
        memset(out, p->value[0], elements);
        return;
    }
    for (uint32_t i = 0; i < elements; i++) {
        memcpy(out + i * p->element_bytes, p->value, p->element_bytes);
    }
}

static void run(const groat_call *call)
{
    const groat_pad_params *p = groat_params(call);
    const uint8_t *in = groat_in(call, 0);
    uint8_t *out = groat_out(call, 0);
    uint32_t element = p->element_bytes;
    uint32_t out_elements = 1;
    uint32_t runs = 1;
    for (int i = 0; i < RANK; i++) {
        out_elements *= p->out_dims[i];
        runs *= i < RANK - 1 ? p->in_dims[i] : 1;
    }
    fill(p, out, out_elements);
    uint32_t run_bytes = p->in_dims[RANK - 1] * element;
    uint32_t index[RANK] = {0};
    for (uint32_t r = 0; r < runs; r++, in += run_bytes) {
        uint32_t position = 0;
        for (int i = 0; i < RANK; i++) {
            position = position * p->out_dims[i] + p->before[i] + index[i];
        }
        memcpy(out + position * element, in, run_bytes);
        for (int i = RANK - 2; i >= 0 && ++index[i] == p->in_dims[i]; i--) {
            index[i] = 0;
        }
    }
}

const groat_op groat_op_pad = {check, NULL, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

enum {
    HEIGHT = RANK - 3, /* of an image, which is the last three dimensions of the parameters */
    WIDTH,
    CHANNELS
};

/* An image with rows and columns around it. */
static int check_rows(const groat_call *call)
{
    const groat_pad_params *p = groat_params(call);
    const uint32_t *in = groat_arg_tensor(call, 0)->dims, *out = groat_arg_tensor(call, 1)->dims;
    for (int i = 0; i < RANK - HEIGHT; i++) {
        if (in[1 + i] != p->in_dims[HEIGHT + i] || out[1 + i] != p->out_dims[HEIGHT + i]) {
            return 0;
        }
    }
    return p->before[HEIGHT] <= UINT16_MAX && p->before[WIDTH] <= UINT16_MAX &&
           p->in_dims[CHANNELS] == p->out_dims[CHANNELS];
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_pad_params *p = groat_params(call);
    *rows = (groat_rows){
        .extent = 1,
        .extent_w = 1,
        .stride = 1,
        .stride_w = 1,
        .pad = (uint16_t)p->before[HEIGHT],
        .pad_w = (uint16_t)p->before[WIDTH],
        .dilation = 1,
        .gathers = 1,
        .cuts = 1,
    };
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_pad_params *p = groat_params(call);
    uint32_t pixel = groat_pixel_bytes(groat_arg_tensor(call, 1));
    fill(p, part->out, part->pixels * p->out_dims[CHANNELS]);
    uint32_t y = part->y - p->before[HEIGHT]; /* above the image it wraps, and is no row of it either */
    uint32_t left = p->before[WIDTH], right = left + p->in_dims[WIDTH];
    uint32_t first = part->x > left ? part->x : left;
    uint32_t end = part->x + part->pixels < right ? part->x + part->pixels : right;
    if (y >= p->in_dims[HEIGHT] || first >= end) {
        return;
    }
    const groat_columns columns = {
        .view = groat_view_of(call->net, groat_arg_tensor(call, 0)),
        .x = (int32_t)(first - left),
        .pixels = end - first,
        .reach = GROAT_PIECES,
    };
    uint8_t *to = (uint8_t *)part->out + (first - part->x) * pixel;
    const void *from = groat_gather(&columns, 0, y, to);
    if (from != to) {
        memcpy(to, from, (end - first) * pixel);
    }
}

const groat_row_op groat_row_op_pad = {check_rows, rows, NULL, part};
