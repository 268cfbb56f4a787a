/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the pixels of a stream's tensors lie, for the ops that read them.
 */
#include "stream.h"

const groat_line *groat_line_for(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y)
{
    const groat_line *lines = groat_line_of(net, tensor->line);
    for (uint32_t k = 0; k <= lines->more; k++) {
        const groat_line *line = lines + k;
        int taps = line->taps == 0 || tap - line->first_tap < line->taps;
        if (taps && y >= line->first_row && (y - line->first_row) % line->row_step == 0) {
            return line;
        }
    }
    return NULL;
}

uint8_t *groat_place(const groat_t *net, const groat_tensor *tensor, const groat_line *line, uint32_t y, uint32_t x,
                     uint32_t *run)
{
    uint8_t *data = groat_address(net, groat_buffer_of(net, tensor->buffer));
    uint32_t width = tensor->dims[2];
    *run = width - x;
    if (line == NULL || line->slots == 0) {
        return data + (y * width + x) * groat_pixel_bytes(tensor);
    }
    uint32_t row = (y - line->first_row) / line->row_step;
    if (line->span >= width) {
        return data + line->lead + row % line->slots * line->pitch + x * groat_pixel_bytes(tensor);
    }
    uint32_t slot = (row * groat_units_in_row(line, width) + x / line->span) % line->slots;
    uint32_t before = x % line->span;
    *run = groat_minimum(*run, (uint32_t)(line->slots - slot) * line->span - before);
    return data + line->lead + slot * line->pitch + before * groat_pixel_bytes(tensor);
}

static uint8_t *place_of(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y, uint32_t x,
                         uint32_t *run)
{
    return groat_place(net, tensor, groat_is_ring(net, tensor) ? groat_line_for(net, tensor, tap, y) : NULL, y, x, run);
}

const void *groat_part_of(const groat_call *call, uint32_t index, const groat_part *part)
{
    const groat_tensor *tensor = groat_arg_tensor(call, index);
    const groat_view view = groat_view_of(call->net, tensor);
    if (view.slots > 0) {
        return groat_view_row(&view, part->y) + part->x * view.pixel_bytes;
    }
    uint32_t run;
    return place_of(call->net, tensor, 0, part->y, part->x, &run);
}

uint32_t groat_behind(const groat_call *call, const groat_tensor *in, const groat_rows *rows)
{
    uint32_t columns = (groat_output_of(call)->dims[2] - 1) * rows->stride_w + rows->extent_w;
    uint32_t seen = in->dims[2] + rows->pad_w;
    return columns > seen ? (columns - seen) * groat_pixel_bytes(in) : 0;
}

enum groat_reach groat_reach_of(const groat_call *call, uint32_t index, const groat_rows *rows)
{
    const groat_tensor *in = groat_arg_tensor(call, index);
    int is_ring = groat_is_ring(call->net, in);
    const groat_line *line = is_ring ? groat_line_of(call->net, in->line) : NULL;
    if (is_ring && line->span < in->dims[2]) {
        return GROAT_PIECES;
    }
    if (rows->cuts) {
        return GROAT_PADDED;
    }
    uint32_t after = groat_behind(call, in, rows), before = rows->pad_w * groat_pixel_bytes(in);
    uint32_t beside = before > after ? before : after;
    if (beside == 0) {
        return GROAT_PADDED;
    }
    int room = is_ring && line->lead >= before && line->pitch >= groat_row_bytes(in) + beside;
    return room && line->padding == rows->padding ? GROAT_PADDED : GROAT_BARE;
}

const void *groat_gather_pieces(const groat_columns *c, uint32_t tap, uint32_t y, void *room)
{
    const groat_t *net = c->view.net;
    const groat_tensor *in = c->view.tensor;
    uint32_t pixel = c->view.pixel_bytes;
    int32_t width = (int32_t)in->dims[2], end = c->x + (int32_t)c->pixels;
    int32_t x = c->x < 0 ? 0 : c->x, stop = end < width ? end : width;
    uint32_t before = (uint32_t)(x - c->x) * pixel;
    uint32_t run;
    const uint8_t *from = place_of(net, in, tap, y, (uint32_t)x, &run);
    if (c->reach == GROAT_PADDED || ((int32_t)run >= stop - x && before == 0 && stop == end)) {
        return from - before;
    }
    uint8_t *to = room;
    memset(to, c->padding, before);
    to += before;
    while (x < stop) {
        uint32_t count = groat_minimum(run, (uint32_t)(stop - x));
        memcpy(to, from, count * pixel);
        to += count * pixel;
        x += (int32_t)count;
        if (x < stop) {
            from = place_of(net, in, tap, y, (uint32_t)x, &run);
        }
    }
    memset(to, c->padding, (uint32_t)(end - stop) * pixel);
    return room;
}
