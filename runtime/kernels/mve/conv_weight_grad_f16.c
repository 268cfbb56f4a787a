/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of a convolution's weights, of float16, with Helium: eight input channels of two output channels at a time,
 * summed over the pixels (sums_f16.h).  Vectors are pixels of x, scalars those of dy, of which two channels are laid side
 * by side, as many rows at a time as BAND pixels have.
 *
 * Where windows are one pixel apart and rows of x are as long as those of dy, a band is one run: what a tap does not reach
 * at a side is zero there.  Other bands go row by row.
 *
 * Where there are less input channels than would be worth a vector, it is the other way round: vectors are eight channels of
 * dy, scalars what two weights see of x.
 */
#include "grad_f16.h"
#include "narrow_f16.h"
#include "sums_f16.h"

enum {
    BAND = 512,
    NARROW = 3 /* input channels, at most */
};

static uint32_t is_dense(const groat_window *w)
{
    return w->kernel_h * w->kernel_w * w->out_h * w->out_w == 1 && w->pad_top + w->pad_left == 0;
}

static uint32_t weights_of_channel(const groat_conv_grad_float *k)
{
    return (uint32_t)k->window->kernel_h * k->window->kernel_w * k->channels_in;
}

/* Weights of eight output channels must be within reach of a gathering load. */
static uint32_t is_narrow(const groat_conv_grad_float *k)
{
    return k->channels_in <= NARROW && k->channels_out >= HALVES / 2 &&
           weights_of_channel(k) <= UINT16_MAX / (HALVES - 1);
}

static uint32_t rows_of_band(const groat_window *w)
{
    const uint32_t rows = w->out_w < BAND ? BAND / w->out_w : 1;
    return rows < w->out_h ? rows : w->out_h;
}

static uint32_t vectors_of(uint32_t channels)
{
    return (channels + HALVES - 1) / HALVES;
}

/* Pairs of a band. */
static uint64_t bytes_of_pairs(const groat_window *w)
{
    return ((uint64_t)rows_of_band(w) * w->out_w + 4) * 2 * sizeof(uint32_t);
}

/* And where there are several bands, so many sums. */
static uint64_t bytes_of_sums(const groat_window *w, uint64_t sums)
{
    return rows_of_band(w) < w->out_h ? sums * sizeof(pair_sums) : 0;
}

uint64_t groat_narrow_weight_grad_bytes_f16_mve(const groat_conv_grad_float *k)
{
    return bytes_of_pairs(k->window) + bytes_of_sums(k->window, vectors_of(k->channels_out));
}

/* Of a dense layer, dy as float32. */
int groat_conv_weight_grad_f16_needs_mve(const groat_conv_grad_float *k, groat_needs *needs)
{
    const groat_window *w = k->window;
    if (is_dense(w)) {
        needs->scratch_bytes = (uint64_t)k->channels_out * sizeof(float);
    } else if (is_narrow(k)) {
        needs->scratch_bytes = groat_narrow_weight_grad_bytes_f16_mve(k);
    } else {
        const uint64_t sums = (uint64_t)w->kernel_h * w->kernel_w * vectors_of(k->channels_in);
        needs->scratch_bytes = bytes_of_pairs(w) + bytes_of_sums(w, sums);
    }
    return 1;
}

/* ---- Pixels of dy, two channels side by side ------------------------------------------------------------ */

static uint32_t *zeros(uint32_t *pairs, uint32_t pixels)
{
    for (uint32_t i = 0; i < 2 * pixels; i++) {
        *pairs++ = 0;
    }
    return pairs;
}

/* Where pixels' pairs are: of two, and of the two behind them. */
typedef struct places {
    uint32x4_t first;
    uint32x4_t second;
} places;

static places places_of(uint32_t stride, uint32_t second)
{
    const uint32_t at[8] = {
        0, second, stride, stride + second, 2 * stride, 2 * stride + second, 3 * stride, 3 * stride + second};
    return (places){vldrwq_u32(at), vldrwq_u32(at + 4)};
}

/* Up to three pairs more may be written. */
static inline uint32_t *take(uint32_t *pairs, const uint16_t *dy, uint32_t stride, const places *at, uint32_t pixels)
{
    const uint32x4_t first = at->first, second = at->second;
    uint32_t *to = pairs;
    for (uint32_t i = pixels / 4; i > 0; i--, to += 8, dy += 4 * stride) {
        vstrwq_u32(to, vldrhq_gather_shifted_offset_u32(dy, first));
        vstrwq_u32(to + 4, vldrhq_gather_shifted_offset_u32(dy, second));
    }
    const uint32_t words = pixels % 4 * 2;
    if (words > 0) {
        vstrwq_u32(to, vldrhq_gather_shifted_offset_z_u32(dy, first, vctp32q(words)));
        vstrwq_u32(to + 4, vldrhq_gather_shifted_offset_z_u32(dy, second, vctp32q(words > 4 ? words - 4 : 0)));
    }
    return pairs + 2 * pixels;
}

/* Rows of dy, zero but for columns [x0, x1). */
static void take_rows(const groat_conv_grad_float *k, uint32_t *pairs, const uint16_t *dy, uint32_t second,
                      uint32_t rows, uint32_t x0, uint32_t x1)
{
    const uint32_t width = k->window->out_w, stride = k->out_stride;
    const places at = places_of(stride, second);
    if (x1 - x0 == width) {
        take(pairs, dy, stride, &at, rows * width);
        return;
    }
    for (uint32_t r = 0; r < rows; r++, dy += width * stride) {
        pairs = zeros(pairs, x0);
        pairs = take(pairs, dy + x0 * stride, stride, &at, x1 - x0);
        pairs = zeros(pairs, width - x1);
    }
}

/* ---- Sums ------------------------------------------------------------------------------------------------ */

/* Some pixels of x and dy: `rows` runs. */
typedef struct run {
    const uint16_t *x;
    const uint32_t *pairs;
    uint32_t rows;
    uint32_t count;         /* of pixels in each */
    uint32_t x_step;        /* from one to the next */
    uint32_t pairs_step;
    uint32_t step;          /* bytes from a pixel of x to the next */
} run;

/* All sums of whole vectors over one run, and what they become; where there is a second output channel, its gradient is
 * `filter` on.  Returns how many channels these are. */
static uint32_t whole_vectors(const groat_conv_grad_float *k, const run *r, uint32_t filter, uint16_t *to)
{
    const blending b = blending_of(k->alpha, k->beta);
    const uint32_t channels = k->channels_in / HALVES * HALVES;
    const uint16_t *x = r->x;
    sum_terms *sum = groat_sum_of_steps_f16_mve(r->step, HALVES);
    for (uint16_t *end = to + channels; to < end; to += HALVES, x += HALVES) {
        const pair_sums sums = sum(no_sums(), x, r->pairs, r->count, r->step, HALVES);
        blend_all(&b, to, sums.of[0], sums.of[1]);
        if (filter > 0) {
            blend_all(&b, to + filter, sums.of[2], sums.of[3]);
        }
    }
    return channels;
}

static pair_sums add_runs(pair_sums sums, const run *r, uint32_t i, uint32_t lanes)
{
    const uint16_t *x = r->x + i;
    const uint32_t *pairs = r->pairs;
    sum_terms *sum = groat_sum_of_steps_f16_mve(r->step, lanes);
    for (uint32_t n = r->rows; n > 0; n--, x += r->x_step, pairs += r->pairs_step) {
        sums = sum(sums, x, pairs, r->count, r->step, lanes);
    }
    return sums;
}

/* A band of output rows. */
typedef struct band {
    uint32_t first;
    uint32_t rows;
    uint32_t linear; /* it is one run */
} band;

/* What of a band tap (ky, kx) reaches, which are columns [x0, x1) and, of the pixels in a line, all but those whose inputs
 * would lie before the image or behind it. */
static run run_of(const groat_conv_grad_float *k, const band *b, const uint16_t *x, const uint32_t *pairs, uint32_t ky,
                  uint32_t kx, uint32_t x0, uint32_t x1)
{
    const groat_window *w = k->window;
    const groat_axis h = groat_axis_h(w);
    run r = {.step = w->stride_w * k->in_stride * (uint32_t)sizeof *x};
    uint32_t y0;
    uint32_t y1;
    groat_outputs_of_tap(&h, ky, &y0, &y1);
    y0 = y0 > b->first ? y0 : b->first;
    y1 = y1 < b->first + b->rows ? y1 : b->first + b->rows;
    if (y0 >= y1 || x0 >= x1) {
        return r;
    }
    const uint32_t in_y = y0 * w->stride_h + ky * w->dilation_h - w->pad_top;
    const uint32_t in_x = x0 * w->stride_w + kx * w->dilation_w - w->pad_left;
    r.x = x + (in_y * w->in_w + in_x) * k->in_stride;
    r.pairs = pairs + ((y0 - b->first) * w->out_w + x0) * 2;
    if (b->linear) {
        r.rows = 1;
        r.count = (y1 - y0) * w->out_w - (w->out_w - (x1 - x0));
    } else {
        r.rows = y1 - y0;
        r.count = x1 - x0;
        r.x_step = w->stride_h * w->in_w * k->in_stride;
        r.pairs_step = w->out_w * 2;
    }
    return r;
}

/* Two output channels, the second `second` behind the first, or it once more. */
static void two_channels(const groat_conv_grad_float *k, const uint16_t *x, const uint16_t *dy, uint32_t second,
                         uint16_t *dw)
{
    const groat_window *w = k->window;
    const groat_axis v = groat_axis_w(w);
    const uint32_t filter = second > 0 ? weights_of_channel(k) : 0;
    const blending blend = blending_of(k->alpha, k->beta);
    band b = {.rows = rows_of_band(w), .linear = w->stride_h == 1 && w->stride_w == 1 && w->in_w == w->out_w};
    uint32_t *pairs = k->scratch;
    const uint32_t bands = b.rows < w->out_h;
    pair_sums *kept = (pair_sums *)(void *)(pairs + (b.rows * w->out_w + 3) / 4 * 8);
    for (; b.first < w->out_h; b.first += b.rows) {
        const uint32_t rest = w->out_h - b.first;
        const uint32_t last = rest <= b.rows;
        b.rows = last ? rest : b.rows;
        const uint16_t *rows = dy + b.first * w->out_w * k->out_stride;
        if (!b.linear) {
            take_rows(k, pairs, rows, second, b.rows, 0, w->out_w);
        }
        pair_sums *keep = kept;
        for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
            uint32_t x0;
            uint32_t x1;
            groat_outputs_of_tap(&v, kx, &x0, &x1);
            if (b.linear) {
                take_rows(k, pairs, rows, second, b.rows, x0, x1);
            }
            for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
                const run r = run_of(k, &b, x, pairs, ky, kx, x0, x1);
                uint16_t *to = dw + (ky * w->kernel_w + kx) * k->channels_in;
                uint32_t i = !bands && r.rows == 1 ? whole_vectors(k, &r, filter, to) : 0;
                for (; i < k->channels_in; i += HALVES, keep += bands) {
                    const uint32_t lanes = k->channels_in - i < HALVES ? k->channels_in - i : HALVES;
                    const pair_sums sums = add_runs(b.first > 0 ? *keep : no_sums(), &r, i, lanes);
                    if (!last) {
                        *keep = sums;
                        continue;
                    }
                    blend_some(&blend, to + i, sums.of[0], sums.of[1], lanes);
                    if (filter > 0) {
                        blend_some(&blend, to + filter + i, sums.of[2], sums.of[3], lanes);
                    }
                }
            }
        }
    }
}

/* ---- Few input channels -------------------------------------------------------------------------------------- */

/* What weight `number` of a filter sees of x in a band: every other word from `to` on.  Up to three more are written. */
static void see(const groat_conv_grad_float *k, const uint16_t *x, uint32_t number, uint32_t first, uint32_t rows,
                uint32_t *to)
{
    const groat_window *w = k->window;
    const groat_axis down = groat_axis_h(w), across = groat_axis_w(w);
    const uint32_t i = number % k->channels_in, kx = number / k->channels_in % w->kernel_w;
    const uint32_t ky = number / k->channels_in / w->kernel_w, step = w->stride_w * k->in_stride;
    const uint32_t from[4] = {0, step, 2 * step, 3 * step}, into[4] = {0, 2, 4, 6};
    const uint32x4_t at = vldrwq_u32(from), places = vldrwq_u32(into);
    uint32_t y0, y1, x0, x1;
    groat_outputs_of_tap(&down, ky, &y0, &y1);
    groat_outputs_of_tap(&across, kx, &x0, &x1);
    for (uint32_t y = first; y < first + rows; y++, to += 2 * w->out_w) {
        const uint32_t begin = y >= y0 && y < y1 ? x0 : 0, end = y >= y0 && y < y1 ? x1 : 0;
        for (uint32_t c = 0; c < begin; c++) {
            to[2 * c] = 0;
        }
        if (begin < end) {
            const uint32_t in_y = y * w->stride_h + ky * w->dilation_h - w->pad_top;
            const uint32_t in_x = begin * w->stride_w + kx * w->dilation_w - w->pad_left;
            const uint16_t *in = x + (in_y * w->in_w + in_x) * k->in_stride + i;
            for (uint32_t c = begin; c < end; c += 4, in += 4 * step) {
                const mve_pred16_t some = vctp32q(end - c);
                vstrwq_scatter_shifted_offset_u32(to + 2 * c, places, vldrhq_gather_shifted_offset_z_u32(in, at, some));
            }
        }
        for (uint32_t c = end; c < w->out_w; c++) {
            to[2 * c] = 0;
        }
    }
}

/* Two weights of all filters, or one twice: they are `weight_step` apart, and filters `filter_step`. */
static void two_weights(const groat_conv_grad_float *k, const uint16_t *x, const uint16_t *dy, uint32_t number,
                        uint32_t second, uint16_t *dw, uint32_t weight_step, uint32_t filter_step)
{
    const groat_window *w = k->window;
    const blending b = blending_of(k->alpha, k->beta);
    const uint32_t band = rows_of_band(w);
    const uint32_t step = k->out_stride * (uint32_t)sizeof *dy;
    uint32_t *pairs = k->scratch;
    pair_sums *keep = (pair_sums *)(void *)(pairs + (band * w->out_w + 3) / 4 * 8);
    uint16_t lanes_at[HALVES];
    for (uint32_t c = 0; c < HALVES; c++) {
        lanes_at[c] = (uint16_t)(c * filter_step);
    }
    const uint16x8_t at = vldrhq_u16(lanes_at);
    for (uint32_t y = 0; y < w->out_h; y += band) {
        const uint32_t rows = w->out_h - y < band ? w->out_h - y : band;
        see(k, x, number, y, rows, pairs);
        see(k, x, number + second, y, rows, pairs + 1);
        for (uint32_t o = 0; o < k->channels_out; o += HALVES) {
            const uint32_t lanes = k->channels_out - o < HALVES ? k->channels_out - o : HALVES;
            const uint16_t *from = dy + y * w->out_w * k->out_stride + o;
            pair_sums sums = y > 0 ? keep[o / HALVES] : no_sums();
            sums = groat_sum_of_steps_f16_mve(step, lanes)(sums, from, pairs, rows * w->out_w, step, lanes);
            if (y + rows < w->out_h) {
                keep[o / HALVES] = sums;
                continue;
            }
            const mve_pred16_t some = vctp16q(lanes);
            for (uint32_t n = 0; n <= second; n++) {
                uint16_t *to = dw + o * filter_step + (number + n) * weight_step;
                const uint16x8_t there = b.adds ? vldrhq_gather_shifted_offset_z_u16(to, at, some) : vdupq_n_u16(0);
                const uint16x8_t sum = blended(&b, there, sums.of[2 * n], sums.of[2 * n + 1]);
                vstrhq_scatter_shifted_offset_p_u16(to, at, sum, some);
            }
        }
    }
}

void groat_narrow_weight_grad_f16_mve(const groat_conv_grad_float *k, const uint16_t *x, const uint16_t *dy,
                                      uint16_t *dw, uint32_t weight_step, uint32_t filter_step)
{
    const uint32_t weights = weights_of_channel(k);
    for (uint32_t n = 0; n < weights; n += 2) {
        two_weights(k, x, dy, n, n + 1 < weights, dw, weight_step, filter_step);
    }
}

/* One pixel: the products are the gradient. */
static void dense(const groat_conv_grad_float *k, const uint16_t *x, const uint16_t *dy, uint16_t *dw)
{
    float *factors = k->scratch;
    const float32x4_t b = vdupq_n_f32(k->beta);
    for (uint32_t o = 0; o < k->channels_out; o++) {
        factors[o] = k->alpha * groat_float_of_half(dy[o]);
    }
    for (uint32_t i = 0; i < k->channels_in; i += HALVES) {
        const mve_pred16_t lanes = vctp16q(k->channels_in - i);
        const float16x8_t at = halves_of(vldrhq_z_u16(x + i, lanes));
        const float32x4_t even = vcvtbq_f32_f16(at), odd = vcvttq_f32_f16(at);
        uint16_t *to = dw + i;
        if (k->beta == 0.0f) {
            for (uint32_t o = 0; o < k->channels_out; o++, to += k->channels_in) {
                const float32x4_t f = vdupq_n_f32(factors[o]);
                vstrhq_p_u16(to, vreinterpretq_u16_f16(narrowed(vmulq_f32(even, f), vmulq_f32(odd, f))), lanes);
            }
            continue;
        }
        for (uint32_t o = 0; o < k->channels_out; o++, to += k->channels_in) {
            const float32x4_t f = vdupq_n_f32(factors[o]);
            const float16x8_t there = halves_of(vldrhq_z_u16(to, lanes));
            const float32x4_t first = vfmaq_f32(vmulq_f32(vcvtbq_f32_f16(there), b), even, f);
            const float32x4_t second = vfmaq_f32(vmulq_f32(vcvttq_f32_f16(there), b), odd, f);
            vstrhq_p_u16(to, vreinterpretq_u16_f16(narrowed(first, second)), lanes);
        }
    }
}

void groat_conv_weight_grad_f16_mve(const groat_conv_grad_float *k, const uint16_t *x, const uint16_t *dy, uint16_t *dw,
                                    float *db)
{
    const groat_window *w = k->window;
    if (dw && is_dense(w)) {
        dense(k, x, dy, dw);
    } else if (dw && is_narrow(k)) {
        groat_narrow_weight_grad_f16_mve(k, x, dy, dw, 1, weights_of_channel(k));
    } else if (dw) {
        const uint32_t filter = weights_of_channel(k);
        for (uint32_t o = 0; o < k->channels_out; o += 2) {
            two_channels(k, x, dy + o, o + 1 < k->channels_out, dw + o * filter);
        }
    }
    if (db) {
        bias_gradient(dy, (uint32_t)w->out_h * w->out_w, k->out_stride, k->channels_out, k->alpha, k->beta, db);
    }
}
