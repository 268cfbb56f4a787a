/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution of floats.  Padding is never looked at: each tap goes only over the outputs that
 * it reaches.
 */
#include "bias_grad_tmpl.h"

int NEEDS(depthwise_weight_grad)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    (void)k;
    needs->scratch_bytes = 0;
    return 1;
}

/* One tap of all channels, over outputs [y0, y1) x [x0, x1). */
static void tap_gradient(const groat_depthwise_grad_float *k, const ELEMENT *x, const ELEMENT *dy, uint32_t rows,
                         uint32_t columns, ELEMENT *dw)
{
    const groat_window *w = k->window;
    const uint32_t channels_out = k->channels_in * k->multiplier;
    for (uint32_t i = 0, o = 0; i < k->channels_in; i++) {
        for (uint32_t m = 0; m < k->multiplier; m++, o++) {
            float sum = 0.0f;
            for (uint32_t r = 0; r < rows; r++) {
                const ELEMENT *in = x + r * w->stride_h * w->in_w * k->channels_in + i;
                const ELEMENT *out = dy + r * w->out_w * channels_out + o;
                for (uint32_t c = 0; c < columns; c++, in += w->stride_w * k->channels_in, out += channels_out) {
                    sum += WIDE(*in) * WIDE(*out);
                }
            }
            dw[o] = NARROW(groat_blend(k->alpha, sum, k->beta, WIDE(dw[o])));
        }
    }
}

static void weights(const groat_depthwise_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw)
{
    const groat_window *w = k->window;
    const groat_axis h = groat_axis_h(w);
    const groat_axis v = groat_axis_w(w);
    const uint32_t channels_out = k->channels_in * k->multiplier;
    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        uint32_t y0;
        uint32_t y1;
        groat_outputs_of_tap(&h, ky, &y0, &y1);
        for (uint32_t kx = 0; kx < w->kernel_w; kx++, dw += channels_out) {
            uint32_t x0;
            uint32_t x1;
            groat_outputs_of_tap(&v, kx, &x0, &x1);
            if (y0 == y1 || x0 == x1) {
                tap_gradient(k, x, dy, 0, 0, dw);
                continue;
            }
            uint32_t in_y = y0 * w->stride_h + ky * w->dilation_h - w->pad_top;
            uint32_t in_x = x0 * w->stride_w + kx * w->dilation_w - w->pad_left;
            tap_gradient(k, x + (in_y * w->in_w + in_x) * k->channels_in, dy + (y0 * w->out_w + x0) * channels_out,
                         y1 - y0, x1 - x0, dw);
        }
    }
}

void KERNEL(depthwise_weight_grad)(const groat_depthwise_grad_float *k, const ELEMENT *x, const ELEMENT *dy,
                                   ELEMENT *dw, float *db)
{
    if (dw) {
        weights(k, x, dy, dw);
    }
    if (db) {
        const uint32_t channels_out = k->channels_in * k->multiplier;
        bias_gradient(dy, (uint32_t)k->window->out_h * k->window->out_w, channels_out, channels_out, k->alpha, k->beta,
                      db);
    }
}

int NEEDS(depthwise_input_grad)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    (void)k;
    needs->scratch_bytes = 0;
    return 1;
}

enum {
    BLOCK = 8 /* input channels at a time */
};

/* Adds what one output pixel carries through one tap to `count` input channels. */
static void add_tap(const groat_depthwise_grad_float *k, const ELEMENT *w, const ELEMENT *dy, uint32_t count,
                    float *sums)
{
    for (uint32_t j = 0; j < count; j++) {
        for (uint32_t m = 0; m < k->multiplier; m++) {
            sums[j] += WIDE(*w) * WIDE(*dy);
            w++;
            dy++;
        }
    }
}

void KERNEL(depthwise_input_grad)(const groat_depthwise_grad_float *k, const ELEMENT *w, const ELEMENT *dy, ELEMENT *dx)
{
    const groat_window *window = k->window;
    const groat_axis h = groat_axis_h(window);
    const groat_axis v = groat_axis_w(window);
    const uint32_t channels_out = k->channels_in * k->multiplier;
    for (uint32_t y = 0; y < window->in_h; y++) {
        for (uint32_t x = 0; x < window->in_w; x++, dx += k->channels_in) {
            for (uint32_t i = 0, count; i < k->channels_in; i += count) {
                float sums[BLOCK] = {0.0f};
                count = k->channels_in - i < BLOCK ? k->channels_in - i : BLOCK;
                for (uint32_t ky = 0; ky < window->kernel_h; ky++) {
                    uint32_t out_y;
                    if (!groat_output_of(&h, y, ky, &out_y)) {
                        continue;
                    }
                    for (uint32_t kx = 0; kx < window->kernel_w; kx++) {
                        uint32_t out_x;
                        if (groat_output_of(&v, x, kx, &out_x)) {
                            add_tap(k, w + (ky * window->kernel_w + kx) * channels_out + i * k->multiplier,
                                    dy + (out_y * window->out_w + out_x) * channels_out + i * k->multiplier, count,
                                    sums);
                        }
                    }
                }
                for (uint32_t j = 0; j < count; j++) {
                    dx[i + j] = NARROW(sums[j]);
                }
            }
        }
    }
}
