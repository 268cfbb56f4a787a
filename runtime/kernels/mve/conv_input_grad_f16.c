/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of a convolution's input, of float16, with Helium: eight input channels of two pixels at a time (sums_f16.h).
 * Vectors are weights, as the model has them; scalars are what the taps of both pixels see of dy, side by side.
 *
 * Where windows are one pixel apart all taps see something, if only zeros, and all terms are one run through the weights:
 * [output channel][tap].  Else pixels are paired with the next in the row that has the same taps, and these go one by one.
 */
#include "../grad.h"
#include "sums_f16.h"

int groat_conv_input_grad_f16_needs_mve(const groat_conv_grad_float *k, groat_needs *needs)
{
    const groat_window *w = k->window;
    const uint64_t taps = (uint64_t)w->kernel_h * w->kernel_w;
    /* Pairs, of which up to seven of each tap more are written; and a list of taps. */
    needs->scratch_bytes = (k->channels_out + 7) * taps * 2 * sizeof(uint32_t) + taps * sizeof(uint32_t);
    return 1;
}

/* A pixel of dx. */
typedef struct pixel {
    uint32_t y;
    uint32_t x;
} pixel;

/* What row ky of the taps sees of dy; null where that would be beside the image. */
static inline const uint16_t *row_of(const groat_conv_grad_float *k, const uint16_t *dy, pixel at, uint32_t ky)
{
    const groat_axis h = groat_axis_h(k->window);
    uint32_t y;
    return groat_output_of(&h, at.y, ky, &y) ? dy + y * k->window->out_w * k->out_stride : 0;
}

/* And what tap kx of that row does. */
static inline const uint16_t *pixel_of(const groat_conv_grad_float *k, const uint16_t *row, pixel at, uint32_t kx)
{
    const groat_axis w = groat_axis_w(k->window);
    uint32_t x;
    return row && groat_output_of(&w, at.x, kx, &x) ? row + x * k->out_stride : 0;
}

/* Where every other word of eight terms goes. */
typedef struct places {
    uint32x4_t first;
    uint32x4_t second;
} places;

static places places_of(uint32_t apart)
{
    uint32_t at[8];
    for (uint32_t i = 0; i < 8; i++) {
        at[i] = 2 * apart * i;
    }
    return (places){vldrwq_u32(at), vldrwq_u32(at + 4)};
}

/* Lays what a tap sees of one pixel's channels into pairs that are `apart` pairs from one channel to the next. */
static inline void lay(const uint16_t *dy, uint32_t channels, const places *at, uint32_t apart, uint32_t *to)
{
    const uint32x4_t first = at->first, second = at->second;
    if (!dy) {
        const uint32x4_t zero = vdupq_n_u32(0);
        for (uint32_t i = (channels + 7) / 8; i > 0; i--, to += 16 * apart) {
            vstrwq_scatter_shifted_offset_u32(to, first, zero);
            vstrwq_scatter_shifted_offset_u32(to, second, zero);
        }
        return;
    }
    for (uint32_t i = channels / 8; i > 0; i--, dy += 8, to += 16 * apart) {
        vstrwq_scatter_shifted_offset_u32(to, first, vldrhq_u32(dy));
        vstrwq_scatter_shifted_offset_u32(to, second, vldrhq_u32(dy + 4));
    }
    const uint32_t rest = channels % 8;
    if (rest > 0) {
        vstrwq_scatter_shifted_offset_u32(to, first, vldrhq_z_u32(dy, vctp32q(rest)));
        vstrwq_scatter_shifted_offset_u32(to, second, vldrhq_z_u32(dy + 4, vctp32q(rest > 4 ? rest - 4 : 0)));
    }
}

static inline void store(const float32x4_t *sums, uint32_t count, uint16_t *dx)
{
    vstrhq_p_u16(dx, vreinterpretq_u16_f16(narrowed(sums[0], sums[1])), vctp16q(count));
}

/* ---- All taps in one run ----------------------------------------------------------------------------------- */

static void see_all(const groat_conv_grad_float *k, const uint16_t *dy, pixel at, uint32_t *to)
{
    const uint32_t kernel_w = k->window->kernel_w, apart = k->window->kernel_h * kernel_w;
    const places places = places_of(apart);
    for (uint32_t ky = 0; ky < k->window->kernel_h; ky++) {
        const uint16_t *row = row_of(k, dy, at, ky);
        for (uint32_t kx = 0; kx < kernel_w; kx++, to += 2) {
            lay(pixel_of(k, row, at, kx), k->channels_out, &places, apart, to);
        }
    }
}

/* Two pixels, or one twice. */
static void dense_pixels(const groat_conv_grad_float *k, const uint16_t *w, const uint16_t *dy, const pixel at[2],
                         uint16_t *dx, uint16_t *second)
{
    const groat_window *window = k->window;
    const uint32_t terms = (uint32_t)window->kernel_h * window->kernel_w * k->channels_out;
    const uint32_t step = k->channels_in * (uint32_t)sizeof *w;
    const uint32_t whole = k->channels_in / HALVES * HALVES, rest = k->channels_in - whole;
    sum_terms *sum = groat_sum_of_steps_f16_mve(step, HALVES);
    uint32_t *pairs = k->scratch;
    if (terms == k->channels_out) {
        const uint16_t *one = pixel_of(k, row_of(k, dy, at[0], 0), at[0], 0);
        const uint16_t *other = pixel_of(k, row_of(k, dy, at[1], 0), at[1], 0);
        if (one && other) {
            pair_up(pairs, one, other, terms);
        } else {
            see_all(k, dy, at[0], pairs);
            see_all(k, dy, at[1], pairs + 1);
        }
    } else {
        see_all(k, dy, at[0], pairs);
        see_all(k, dy, at[1], pairs + 1);
    }
    for (const uint16_t *end = w + whole; w < end; w += HALVES, dx += HALVES, second += HALVES) {
        const pair_sums sums = sum(no_sums(), w, pairs, terms, step, HALVES);
        vstrhq_u16(dx, vreinterpretq_u16_f16(narrowed(sums.of[0], sums.of[1])));
        vstrhq_u16(second, vreinterpretq_u16_f16(narrowed(sums.of[2], sums.of[3])));
    }
    if (rest > 0) {
        const pair_sums sums = groat_sum_of_steps_f16_mve(step, rest)(no_sums(), w, pairs, terms, step, rest);
        store(sums.of, rest, dx);
        store(sums.of + 2, rest, second);
    }
}

/* ---- Tap by tap ---------------------------------------------------------------------------------------------- */

/* Two pixels with the same taps, or one twice: of those that see something for either. */
static void sparse_pixels(const groat_conv_grad_float *k, const uint16_t *w, const uint16_t *dy, const pixel at[2],
                          uint16_t *dx, uint16_t *second)
{
    const groat_window *window = k->window;
    const uint32_t taps = (uint32_t)window->kernel_h * window->kernel_w;
    const uint32_t step = taps * k->channels_in * (uint32_t)sizeof *w;
    const places places = places_of(1);
    uint32_t *list = k->scratch; /* where each tap's weights start */
    uint32_t *pairs = list + taps;
    uint32_t *next = pairs;
    uint32_t count = 0;
    for (uint32_t ky = 0; ky < window->kernel_h; ky++) {
        const uint16_t *row = row_of(k, dy, at[0], ky); /* both are in one row */
        for (uint32_t kx = 0; row && kx < window->kernel_w; kx++) {
            const uint16_t *one = pixel_of(k, row, at[0], kx);
            const uint16_t *other = pixel_of(k, row, at[1], kx);
            if (one || other) {
                lay(one, k->channels_out, &places, 1, next);
                lay(other, k->channels_out, &places, 1, next + 1);
                next += 2 * k->channels_out;
                list[count++] = (ky * window->kernel_w + kx) * k->channels_in;
            }
        }
    }
    for (uint32_t i = 0; i < k->channels_in; i += HALVES) {
        const uint32_t lanes = k->channels_in - i < HALVES ? k->channels_in - i : HALVES;
        sum_terms *sum = groat_sum_of_steps_f16_mve(step, lanes);
        pair_sums sums = no_sums();
        next = pairs;
        for (uint32_t t = 0; t < count; t++, next += 2 * k->channels_out) {
            sums = sum(sums, w + list[t] + i, next, k->channels_out, step, lanes);
        }
        store(sums.of, lanes, dx + i);
        store(sums.of + 2, lanes, second + i);
    }
}

void groat_conv_input_grad_f16_mve(const groat_conv_grad_float *k, const uint16_t *w, const uint16_t *dy, uint16_t *dx)
{
    const uint32_t in_h = k->window->in_h, in_w = k->window->in_w, stride = k->window->stride_w;
    if (k->window->stride_h == 1 && stride == 1) {
        pixel at[2] = {{0, 0}, {0, 0}};
        for (uint32_t left = in_h * in_w; left > 0;) {
            const uint32_t two = left > 1 ? 2 : 1;
            if (two > 1) {
                at[1] = at[0].x + 1 < in_w ? (pixel){at[0].y, at[0].x + 1} : (pixel){at[0].y + 1, 0};
            } else {
                at[1] = at[0];
            }
            dense_pixels(k, w, dy, at, dx, dx + (two - 1) * k->in_stride);
            at[0] = at[1].x + 1 < in_w ? (pixel){at[1].y, at[1].x + 1} : (pixel){at[1].y + 1, 0};
            dx += two * k->in_stride;
            left -= two;
        }
        return;
    }
    for (uint32_t y = 0; y < in_h; y++, dx += in_w * k->in_stride) {
        for (uint32_t start = 0; start < stride && start < in_w; start++) {
            for (uint32_t x = start; x < in_w; x += 2 * stride) {
                const uint32_t apart = x + stride < in_w ? stride : 0;
                const pixel at[2] = {{y, x}, {y, x + apart}};
                sparse_pixels(k, w, dy, at, dx + x * k->in_stride, dx + (x + apart) * k->in_stride);
            }
        }
    }
}
