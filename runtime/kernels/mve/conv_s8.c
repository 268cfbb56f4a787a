/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers by VMLADAVA: sixteen products to an instruction, summed into a general register.
 *
 * Only even general registers can take such a sum, so eight are kept at a time: four channels of two pixels, or
 * eight channels of a last or only pixel (tiles.h).
 *
 * A window of several rows is first copied into a panel, column by column: each column of the image with its rows side
 * by side.  So every filter is one dot product, and neighbouring pixels share the columns that their windows share.
 *
 * Weights, for each four channels: their four biases, then blocks of sixteen weights of each, in the order of the panel;
 * the last block and the last channels are filled with zeros, so that whatever lies behind a window counts nothing.
 */
#include "columns.h"
#include "scale.h"
#include "tiles.h"
#include "vectors.h"

/* A panel holds the windows of two pixels, or of more as long as that is not more than PANEL_BYTES. */
enum {
    PANEL_BYTES = 1024
};

static uint64_t padded_window(const groat_conv_s8 *k)
{
    return ((uint64_t)k->rows * k->taps * k->run + BLOCK - 1) / BLOCK * BLOCK;
}

/* What the panel may take: windows of two pixels always find room, and the last one's last block. */
static uint64_t panel_bytes(uint64_t window)
{
    return 2 * window + BLOCK > PANEL_BYTES ? 2 * window + BLOCK : PANEL_BYTES;
}

int groat_conv_s8_needs_mve(const groat_conv_s8 *k, groat_needs *needs)
{
    uint64_t quads = quads_of(k->channels_out), window = padded_window(k);
    needs->weights_bytes = quads * (4 * sizeof(int32_t) + 4 * window);
    needs->channels_bytes = quads * sizeof(groat_quad);
    needs->scratch_bytes = SUMS_BYTES;
    if (k->rows != 1 || k->taps != 1 || k->run % BLOCK != 0) {
        needs->scratch_bytes += panel_bytes(window);
    }
    return k->layout < LAYOUTS;
}

int groat_conv_s8_check_mve(const groat_conv_s8 *k)
{
    return groat_quads_valid_mve(k->channels, quads_of(k->channels_out), k->layout);
}

static plan make_plan(const groat_conv_s8 *k, uint32_t window)
{
    plan c = {.unit = k->run, .unit_step = k->tap_stride, .columns = k->taps};
    if (k->taps == 1 && k->rows > 1) { /* the taps are one run */
        c.unit = k->tap;
        c.unit_step = k->tap;
        c.columns = k->run / k->tap;
    }
    c.column = k->rows * c.unit;
    c.of_pixel = c.columns;
    uint32_t stride = c.unit_step > 0 ? k->pixel_stride / c.unit_step : 0;
    if (stride > 0 && stride <= c.columns && stride * c.unit_step == k->pixel_stride) {
        c.shared = 1;
        c.of_pixel = stride;
    }
    uint32_t room = (uint32_t)panel_bytes(window) - BLOCK;
    c.held = (((room / c.column) - c.columns) / c.of_pixel + 1) & ~1u;
    return c;
}

/* The windows of `pixels` pixels. */
__attribute__((noinline)) static void fill(const groat_conv_s8 *k, const plan *c, const int8_t *const *rows,
                                           uint32_t offset, uint32_t pixels, int8_t *panel)
{
    if (c->shared) {
        fill_columns(c, rows, k->rows, offset, (pixels - 1) * c->of_pixel + c->columns, panel);
        return;
    }
    for (; pixels > 0; pixels--, offset += k->pixel_stride, panel += c->columns * c->column) {
        fill_columns(c, rows, k->rows, offset, c->columns, panel);
    }
}

static void add_offset(int32_t offset, int32_t *sums, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 4) {
        vstrwq_s32(sums + i, vaddq_n_s32(vldrwq_s32(sums + i), offset));
    }
}

/* How many pixels may be read where they lie, in whole blocks.  Blocks that reach beyond a pixel's run still read
 * input, as long as runs touch and other pixels follow. */
static uint32_t count_direct(const groat_conv_s8 *k, uint32_t window, uint32_t pixels)
{
    if (k->rows != 1 || k->taps != 1) {
        return 0;
    }
    uint32_t beyond = window - k->run;
    if (beyond == 0) {
        return pixels;
    }
    if (k->pixel_stride > k->run || k->pixel_stride == 0) {
        return 0;
    }
    uint32_t last = (beyond + k->pixel_stride - 1) / k->pixel_stride;
    return pixels > last ? pixels - last : 0;
}

static void single_pixel(const groat_conv_s8 *k, const groat_scaling *scaling, uint32_t blocks, const int8_t *x,
                         int32_t *sums, int8_t *out)
{
    const int8_t *weights = k->weights;
    const groat_quad *quads = k->channels;
    for (uint32_t left = k->channels_out, channels; left > 0; left -= channels, out += channels) {
        channels = left < CHANNELS_AT_ONCE ? left : CHANNELS_AT_ONCE;
        tiles_of_one(weights, blocks, x, sums, quads_of(channels));
        if (k->acc_offset != 0) {
            add_offset(k->acc_offset, sums, 4 * quads_of(channels));
        }
        groat_scale_mve(scaling, sums, quads, channels, out);
        weights += quads_of(channels) * quad_bytes_of(blocks);
        quads += quads_of(channels);
    }
}

void groat_conv_s8_mve(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const groat_scaling scaling = scaling_of(k->layout, k->output_zero_point, k->act_min, k->act_max);
    const uint32_t window = (k->rows * k->taps * k->run + BLOCK - 1) & ~(BLOCK - 1u), blocks = window / BLOCK;
    const uint32_t out_stride = k->out_stride, channels_out = k->channels_out;
    const uint32_t direct = count_direct(k, window, pixels);
    int32_t *const sums = k->scratch;
    int8_t *const panel = (int8_t *)k->scratch + SUMS_BYTES;
    plan c = {.held = 0};
    if (direct < pixels) {
        c = make_plan(k, window);
    }
    for (uint32_t p = 0, count; p < pixels; p += count, out += count * out_stride) {
        const int8_t *x;
        uint32_t step;
        if (p < direct) {
            count = direct;
            step = k->pixel_stride;
            x = rows[0];
        } else {
            count = pixels - p < c.held ? pixels - p : c.held;
            step = c.of_pixel * c.column;
            x = panel;
            fill(k, &c, rows, p * k->pixel_stride, count, panel);
        }
        /* Pairs, then perhaps a single one. */
        uint32_t paired = k->acc_offset == 0 ? count & ~1u : 0;
        if (paired > 0) {
            pair_loop loop;
            start_pairs(&loop, &scaling, k->weights, k->channels, channels_out, x, step, out, out_stride, paired / 2);
            run_pairs_of_tiles(&loop, blocks);
        }
        for (; paired < count; paired++) {
            single_pixel(k, &scaling, blocks, x + paired * step, sums, out + paired * out_stride);
        }
    }
}
