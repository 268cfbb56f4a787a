/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution of floats.  Padding is never looked at: each tap goes only over the outputs that it reaches.
 * Some input channels at a time, so that an element of dy is read once for all of them.
 */
#include "bias_grad_tmpl.h"

enum {
    BLOCK = 8 /* input channels at a time */
};

static uint32_t block_of(uint32_t channels, uint32_t done)
{
    return channels - done < BLOCK ? channels - done : BLOCK;
}

int NEEDS(conv_weight_grad)(const groat_conv_grad_float *k, groat_needs *needs)
{
    (void)k;
    needs->scratch_bytes = 0;
    return 1;
}

/* Sums over the outputs of rows [y0, y1) and columns [x0, x1) for `count` input channels. */
static void sum_over_outputs(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, uint32_t rows,
                             uint32_t columns, uint32_t count, float *sums)
{
    const groat_window *w = k->window;
    for (uint32_t j = 0; j < BLOCK; j++) {
        sums[j] = 0.0f;
    }
    for (uint32_t r = 0; r < rows; r++) {
        const ELEMENT *in = x + r * w->stride_h * w->in_w * k->in_stride;
        const ELEMENT *out = dy + r * w->out_w * k->out_stride;
        for (uint32_t c = 0; c < columns; c++, in += w->stride_w * k->in_stride, out += k->out_stride) {
            const float g = WIDE(*out);
            for (uint32_t j = 0; j < count; j++) {
                sums[j] += g * WIDE(in[j]);
            }
        }
    }
}

static void weights(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw)
{
    const groat_window *w = k->window;
    const groat_axis h = groat_axis_h(w);
    const groat_axis v = groat_axis_w(w);
    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        uint32_t y0;
        uint32_t y1;
        groat_outputs_of_tap(&h, ky, &y0, &y1);
        for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
            uint32_t x0;
            uint32_t x1;
            groat_outputs_of_tap(&v, kx, &x0, &x1);
            uint32_t rows = x0 < x1 ? y1 - y0 : 0;
            const ELEMENT *in = x;
            const ELEMENT *out = dy;
            if (rows > 0) {
                uint32_t in_y = y0 * w->stride_h + ky * w->dilation_h - w->pad_top;
                uint32_t in_x = x0 * w->stride_w + kx * w->dilation_w - w->pad_left;
                in += (in_y * w->in_w + in_x) * k->in_stride;
                out += (y0 * w->out_w + x0) * k->out_stride;
            }
            for (uint32_t o = 0; o < k->channels_out; o++) {
                ELEMENT *to = dw + ((o * w->kernel_h + ky) * w->kernel_w + kx) * k->channels_in;
                for (uint32_t i = 0, count; i < k->channels_in; i += count) {
                    float sums[BLOCK];
                    count = block_of(k->channels_in, i);
                    sum_over_outputs(k, in + i, out + o, rows, x1 - x0, count, sums);
                    for (uint32_t j = 0; j < count; j++) {
                        to[i + j] = NARROW(groat_blend(k->alpha, sums[j], k->beta, WIDE(to[i + j])));
                    }
                }
            }
        }
    }
}

void KERNEL(conv_weight_grad)(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw,
                              float *db)
{
    if (dw) {
        weights(k, x, dy, dw);
    }
    if (db) {
        bias_gradient(dy, (uint32_t)k->window->out_h * k->window->out_w, k->out_stride, k->channels_out, k->alpha,
                      k->beta, db);
    }
}

int NEEDS(conv_input_grad)(const groat_conv_grad_float *k, groat_needs *needs)
{
    (void)k;
    needs->scratch_bytes = 0;
    return 1;
}

/* Adds what the taps of row ky carry from an output row to `count` channels of input column x. */
static void add_row_of_taps(const groat_conv_grad_float *k, const ELEMENT *w_row, const ELEMENT *dy_row, uint32_t x,
                            uint32_t count, float *sums)
{
    const groat_window *w = k->window;
    const groat_axis v = groat_axis_w(w);
    const uint32_t filter = (uint32_t)w->kernel_h * w->kernel_w * k->channels_in;
    for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
        uint32_t out_x;
        if (!groat_output_of(&v, x, kx, &out_x)) {
            continue;
        }
        const ELEMENT *weights = w_row + kx * k->channels_in;
        const ELEMENT *out = dy_row + out_x * k->out_stride;
        for (uint32_t o = 0; o < k->channels_out; o++, weights += filter) {
            const float g = WIDE(out[o]);
            for (uint32_t j = 0; j < count; j++) {
                sums[j] += g * WIDE(weights[j]);
            }
        }
    }
}

void KERNEL(conv_input_grad)(const groat_conv_grad_float *k, const ELEMENT *w, const ELEMENT *dy, ELEMENT *dx)
{
    const groat_window *window = k->window;
    const groat_axis h = groat_axis_h(window);
    for (uint32_t y = 0; y < window->in_h; y++) {
        for (uint32_t x = 0; x < window->in_w; x++, dx += k->in_stride) {
            for (uint32_t i = 0, count; i < k->channels_in; i += count) {
                float sums[BLOCK] = {0.0f};
                count = block_of(k->channels_in, i);
                for (uint32_t ky = 0; ky < window->kernel_h; ky++) {
                    uint32_t out_y;
                    if (groat_output_of(&h, y, ky, &out_y)) {
                        const ELEMENT *w_row = w + ky * window->kernel_w * k->channels_in + i;
                        add_row_of_taps(k, w_row, dy + out_y * window->out_w * k->out_stride, x, count, sums);
                    }
                }
                for (uint32_t j = 0; j < count; j++) {
                    dx[i + j] = NARROW(sums[j]);
                }
            }
        }
    }
}
