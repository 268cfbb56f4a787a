/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution of floats: input channels in the lanes, those of all taps of a row where they lie side by
 * side.  Weights take inputs as vectors and three outputs' gradients as scalars, or the other way round where more lanes are
 * filled; inputs take weights as vectors and the gradients of three pixels as scalars.
 */
#include "grad_float.h"
#include "sums_float.h"
#include "products_tmpl.h"

enum {
    GRAD_SCALARS = 3,  /* output channels whose weights are computed at a time, */
    GRAD_LANES = 192,  /* and how many of each; */
    GRAD_INPUTS = 12,  /* or how many weights, */
    GRAD_OUTPUTS = 64, /* of so many output channels */
    GRAD_CHANNELS = 64 /* input channels whose gradient is computed at a time, unless there are but few more lanes */
};

static uint32_t taps_of_a_run(const groat_window *w, int joined)
{
    return joined ? w->kernel_w : 1;
}

/* ---- Of the weights ----------------------------------------------------------------------------------- */

/* Whether all taps of a row are one run of inputs. */
static int reads_runs(const groat_conv_grad_float *k)
{
    return k->window->dilation_w == 1 && k->in_stride == k->channels_in;
}

/* Weights of a row of taps that are computed alike, for each output channel. */
static uint32_t weights_of_a_run(const groat_conv_grad_float *k)
{
    return taps_of_a_run(k->window, reads_runs(k)) * k->channels_in;
}

/* Loops for all of `lanes` and `scalars`. */
static uint32_t blocks_of(uint32_t lanes, uint32_t scalars)
{
    return (lanes + SUM_LANES - 1u) / SUM_LANES * ((scalars + 2u) / 3u);
}

/* How many weights of how many output channels are computed at a time, and which are the lanes. */
typedef struct tile {
    uint32_t inputs;
    uint32_t outputs;
    int by_outputs;
} tile;

static tile tile_of(const groat_conv_grad_float *k, int by_outputs)
{
    const uint32_t run = weights_of_a_run(k);
    return by_outputs ? (tile){at_most(run, GRAD_INPUTS), at_most(k->channels_out, GRAD_OUTPUTS), 1}
                      : (tile){at_most(run, GRAD_LANES), at_most(k->channels_out, GRAD_SCALARS), 0};
}

static tile best_tile(const groat_conv_grad_float *k)
{
    const uint32_t run = weights_of_a_run(k);
    return tile_of(k, blocks_of(k->channels_out, run) < blocks_of(run, k->channels_out));
}

static uint64_t bytes_of(tile t)
{
    return (uint64_t)t.inputs * t.outputs * sizeof(float);
}

int NEEDS(conv_weight_grad)(const groat_conv_grad_float *k, groat_needs *needs)
{
    needs->scratch_bytes = bytes_of(best_tile(k));
    return 1;
}

/* Rows of the output whose windows have row ky in the image. */
typedef struct tap_rows {
    uint32_t ky;
    uint32_t first;
    uint32_t end;
    uint32_t in_y; /* that row for the first of them */
} tap_rows;

/* The sum of one weight, in float32 all the way. */
static float exact_sum(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, const tap_rows *rows,
                       uint32_t kx)
{
    const groat_window *w = k->window;
    const groat_axis across = groat_axis_w(w);
    uint32_t first, end;
    groat_outputs_of_tap(&across, kx, &first, &end);
    float sum = 0.0f;
    for (uint32_t r = rows->first; r < rows->end; r++) {
        const uint32_t in_y = rows->in_y + (r - rows->first) * w->stride_h;
        for (uint32_t c = first; c < end; c++) {
            const uint32_t in_x = c * w->stride_w + kx * w->dilation_w - w->pad_left;
            sum = groat_fma(WIDE(x[(in_y * w->in_w + in_x) * k->in_stride]),
                            WIDE(dy[(r * w->out_w + c) * k->out_stride]), sum);
        }
    }
    return sum;
}

/* Adds products to the sums of weights from `from` on up to `until`, in a tile that starts with `first`. */
static void add_weights(const groat_conv_grad_float *k, const terms *t, const ELEMENT *x, const ELEMENT *dy, tile of,
                        uint32_t first, uint32_t from, uint32_t until)
{
    float *sums = k->scratch;
    if (of.by_outputs) {
        const terms other = exchanged(t);
        add_across(&other, dy, x, until - from, of.outputs, sums + (from - first) * of.outputs, of.outputs);
    } else {
        add_across(t, x, dy, of.outputs, until - from, sums + (from - first), of.inputs);
    }
}

/* Sums of a tile: weights from `first` on, of the row of taps that starts with kx. */
static void weights_sums(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, const tap_rows *rows,
                         uint32_t kx, uint32_t taps, uint32_t first, tile of)
{
    const groat_window *w = k->window;
    const groat_axis across = groat_axis_w(w);
    const uint32_t row_count = rows->end - rows->first;
    const uint32_t in_row = w->in_w * k->in_stride;
    set_zeros(k->scratch, of.outputs * of.inputs);
    if (row_count == 0) {
        return;
    }
    /* Where all taps are in the image. */
    uint32_t begin, end, unused;
    groat_outputs_of_tap(&across, kx, &begin, &unused);
    groat_outputs_of_tap(&across, kx + taps - 1, &unused, &end);
    if (begin < end) {
        const uint32_t in_x = begin * w->stride_w + kx * w->dilation_w - w->pad_left;
        terms t = {
            .x_row = w->stride_h * in_row,
            .x_column = w->stride_w * k->in_stride,
            .y_row = w->out_w * k->out_stride,
            .y_column = k->out_stride,
        };
        set_terms(&t, row_count, end - begin);
        add_weights(k, &t, x + rows->in_y * in_row + in_x * k->in_stride + first,
                    dy + (rows->first * w->out_w + begin) * k->out_stride, of, first, first, first + of.inputs);
    }
    if (taps == 1) {
        return;
    }
    /* Columns at the sides, where some are; there, taps are neighbours. */
    for (uint32_t c = 0; c < w->out_w; c++) {
        if (c >= begin && c < end) {
            c = end - 1;
            continue;
        }
        const uint32_t start = c * w->stride_w; /* in the padded row */
        const uint32_t from = start < w->pad_left ? w->pad_left - start : 0;
        const uint32_t until = start < w->in_w + w->pad_left ? at_most(w->in_w + w->pad_left - start, taps) : 0;
        const uint32_t low = from * k->channels_in > first ? from * k->channels_in : first;
        const uint32_t high = at_most(until * k->channels_in, first + of.inputs);
        if (low >= high) {
            continue;
        }
        const terms t = {
            .rows = 1,
            .columns = row_count,
            .x_column = w->stride_h * in_row,
            .y_column = w->out_w * k->out_stride,
        };
        add_weights(k, &t, x + (rows->in_y * in_row + start * k->in_stride + low - w->pad_left * k->in_stride),
                    dy + (rows->first * w->out_w + c) * k->out_stride, of, first, low, high);
    }
}

static float *sum_of(const groat_conv_grad_float *k, tile of, uint32_t input, uint32_t output)
{
    return (float *)k->scratch + (of.by_outputs ? input * of.outputs + output : output * of.inputs + input);
}

/* Where sums of float16 have overflowed, the same again. */
static void exact_sums(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, const tap_rows *rows,
                       uint32_t kx, uint32_t first, tile of)
{
    for (uint32_t i = 0; i < of.inputs; i++) {
        const uint32_t tap = (first + i) / k->channels_in, channel = (first + i) % k->channels_in;
        for (uint32_t o = 0; o < of.outputs; o++) {
            float *sum = sum_of(k, of, i, o);
            if (!(*sum - *sum == 0.0f)) {
                *sum = exact_sum(k, x + channel, dy + o, rows, kx + tap);
            }
        }
    }
}

/* Weights are `weight_step` apart, filters `filter_step`. */
static void weights_gradient(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw,
                             tile most, uint32_t weight_step, uint32_t filter_step)
{
    const groat_window *w = k->window;
    const groat_axis down = groat_axis_h(w);
    const uint32_t taps = taps_of_a_run(w, reads_runs(k));
    const uint32_t run = weights_of_a_run(k);
    tile of = most;
    for (uint32_t o = 0; o < k->channels_out; o += of.outputs, dy += of.outputs) {
        of.outputs = at_most(k->channels_out - o, most.outputs);
        ELEMENT *to = dw + o * filter_step;
        for (tap_rows rows = {0}; rows.ky < w->kernel_h; rows.ky++) {
            groat_outputs_of_tap(&down, rows.ky, &rows.first, &rows.end);
            rows.in_y = rows.first * w->stride_h + rows.ky * w->dilation_h - w->pad_top;
            for (uint32_t kx = 0; kx < w->kernel_w; kx += taps) {
                for (uint32_t first = 0; first < run; first += of.inputs, to += of.inputs * weight_step) {
                    of.inputs = at_most(run - first, most.inputs);
                    weights_sums(k, x, dy, &rows, kx, taps, first, of);
                    if (has_overflowed(k->scratch, of.outputs * of.inputs)) {
                        exact_sums(k, x, dy, &rows, kx, first, of);
                    }
                    for (uint32_t i = 0; of.by_outputs && i < of.inputs; i++) {
                        blend(sum_of(k, of, i, 0), of.outputs, k->alpha, k->beta, to + i * weight_step, filter_step);
                    }
                    for (uint32_t n = 0; !of.by_outputs && n < of.outputs; n++) {
                        blend(sum_of(k, of, 0, n), of.inputs, k->alpha, k->beta, to + n * filter_step, weight_step);
                    }
                }
            }
        }
    }
}

uint64_t NEEDS(weights_by_outputs)(const groat_conv_grad_float *k)
{
    return bytes_of(tile_of(k, 1));
}

void KERNEL(weights_by_outputs)(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw,
                                uint32_t weight_step, uint32_t filter_step)
{
    weights_gradient(k, x, dy, dw, tile_of(k, 1), weight_step, filter_step);
}

void KERNEL(conv_weight_grad)(const groat_conv_grad_float *k, const KERNEL_ELEMENT *x, const KERNEL_ELEMENT *dy,
                              KERNEL_ELEMENT *dw, float *db)
{
    const ELEMENT *of_output = (const ELEMENT *)(const void *)dy;
    if (dw) {
        const uint32_t filter = (uint32_t)k->window->kernel_h * k->window->kernel_w * k->channels_in;
        weights_gradient(k, (const ELEMENT *)(const void *)x, of_output, (ELEMENT *)(void *)dw, best_tile(k), 1,
                         filter);
    }
    if (db) {
        bias_gradient(of_output, (uint32_t)k->window->out_h * k->window->out_w, k->out_stride, k->channels_out,
                      k->alpha, k->beta, db);
    }
}

/* ---- Of the input --------------------------------------------------------------------------------------- */

/* Whether a row of filters is one run of weights, and of what they add to. */
static int writes_runs(const groat_conv_grad_float *k)
{
    return k->window->dilation_w == 1 && k->channels_in < GRAD_CHANNELS;
}

/* Pixels of a row and of its padding, as far as windows reach. */
static uint32_t padded_width(const groat_window *w)
{
    const uint32_t reach = (w->out_w - 1u) * w->stride_w + (w->kernel_w - 1u) * w->dilation_w + 1u;
    const uint32_t row = (uint32_t)w->pad_left + w->in_w;
    return reach > row ? reach : row;
}

int NEEDS(conv_input_grad)(const groat_conv_grad_float *k, groat_needs *needs)
{
    needs->scratch_bytes = (uint64_t)padded_width(k->window) * at_most(k->channels_in, GRAD_CHANNELS) * sizeof(float);
    return 1;
}

/* The gradient of one input, in float32 all the way. */
static float exact_gradient(const groat_conv_grad_float *k, const ELEMENT *w, const ELEMENT *dy, uint32_t y, uint32_t x)
{
    const groat_window *window = k->window;
    const groat_axis down = groat_axis_h(window), across = groat_axis_w(window);
    const uint32_t filter = (uint32_t)window->kernel_h * window->kernel_w * k->channels_in;
    float sum = 0.0f;
    uint32_t out_y, out_x;
    for (uint32_t ky = 0; ky < window->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < window->kernel_w; kx++, w += k->channels_in) {
            if (groat_output_of(&down, y, ky, &out_y) && groat_output_of(&across, x, kx, &out_x)) {
                const ELEMENT *g = dy + (out_y * window->out_w + out_x) * k->out_stride;
                for (uint32_t o = 0; o < k->channels_out; o++) {
                    sum = groat_fma(WIDE(w[o * filter]), WIDE(g[o]), sum);
                }
            }
        }
    }
    return sum;
}

/* `channels` of all pixels of a row. */
static void input_row(const groat_conv_grad_float *k, const ELEMENT *w, const ELEMENT *dy, uint32_t y,
                      uint32_t channels, ELEMENT *dx)
{
    const groat_window *window = k->window;
    const groat_axis down = groat_axis_h(window);
    const uint32_t filter = (uint32_t)window->kernel_h * window->kernel_w * k->channels_in;
    const uint32_t taps = taps_of_a_run(window, writes_runs(k));
    float *row = k->scratch;
    set_zeros(row, padded_width(window) * channels);
    for (uint32_t kx = 0; kx < window->kernel_w; kx += taps) {
        term_runs runs = {.terms = k->channels_out, .x_step = k->out_stride, .w_step = filter};
        for (uint32_t ky = 0, out_y; ky < window->kernel_h; ky++) {
            if (groat_output_of(&down, y, ky, &out_y)) {
                runs.x[runs.count] = dy + out_y * window->out_w * k->out_stride;
                runs.w[runs.count++] = w + (ky * window->kernel_w + kx) * k->channels_in;
            }
            if (runs.count == RUNS || (runs.count > 0 && ky + 1u == window->kernel_h)) {
                add_along(&runs, window->out_w, taps * channels, row + kx * window->dilation_w * channels,
                          window->stride_w * channels);
                runs.count = 0;
            }
        }
    }
    row += window->pad_left * channels;
    if (has_overflowed(row, window->in_w * channels)) {
        for (uint32_t i = 0; i < window->in_w * channels; i++) {
            row[i] = exact_gradient(k, w + i % channels, dy, y, i / channels);
        }
    }
    if (k->in_stride == channels) {
        blend(row, window->in_w * channels, 1.0f, 0.0f, dx, 1);
        return;
    }
    for (uint32_t x = 0; x < window->in_w; x++) {
        blend(row + x * channels, channels, 1.0f, 0.0f, dx + x * k->in_stride, 1);
    }
}

void KERNEL(conv_input_grad)(const groat_conv_grad_float *k, const KERNEL_ELEMENT *w, const KERNEL_ELEMENT *dy,
                             KERNEL_ELEMENT *dx)
{
    const groat_window *window = k->window;
    for (uint32_t i = 0, channels; i < k->channels_in; i += channels) {
        channels = at_most(k->channels_in - i, GRAD_CHANNELS);
        for (uint32_t y = 0; y < window->in_h; y++) {
            input_row(k, (const ELEMENT *)(const void *)w + i, (const ELEMENT *)(const void *)dy, y, channels,
                      (ELEMENT *)(void *)dx + y * window->in_w * k->in_stride + i);
        }
    }
}
