/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution without SIMD.  Where a 3x3 window slides along a row, channel by channel: nine weights stay in
 * registers and each input is loaded once for three outputs.  Where a larger one does, five neighbouring outputs of a
 * channel share its weights and its inputs.  Otherwise pixel by pixel, four channels at once.
 *
 * Filters over a single channel are a convolution, and left to it.
 *
 * layout 0: weights in blocks of four channels, [block][row][tap][4], the last block filled up with zeros.
 * Of a single input channel: the layouts of conv_s8.
 */
#include "depthwise.h"

void groat_conv_s8_scalar(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);
int groat_conv_s8_needs_scalar(const groat_conv_s8 *k, groat_needs *needs);
int groat_conv_s8_check_scalar(const groat_conv_s8 *k);

/* One copy for each constant it is called with. */
#define INLINE inline __attribute__((always_inline))

static uint64_t taps_of(const groat_depthwise_s8 *k)
{
    return (uint64_t)k->rows * k->taps;
}

static uint64_t channels_of(const groat_depthwise_s8 *k)
{
    return (uint64_t)k->channels_in * k->multiplier;
}

/* Filters over one channel, as the convolution that they are. */
static groat_conv_s8 as_convolution(const groat_depthwise_s8 *k)
{
    int joined = k->tap_stride == 1;
    return (groat_conv_s8){
        .weights = k->weights,
        .channels = k->channels,
        .layout = k->layout,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = joined ? 1 : k->taps,
        .run = joined ? k->taps : 1,
        .tap_stride = k->tap_stride,
        .pixel_stride = k->pixel_stride,
        .out_stride = k->multiplier,
        .output_zero_point = k->output_zero_point,
        .act_min = k->act_min,
        .act_max = k->act_max,
        .scratch = k->scratch,
    };
}

int groat_depthwise_s8_needs_scalar(const groat_depthwise_s8 *k, groat_needs *needs)
{
    if (k->channels_in == 1) {
        groat_conv_s8 convolution = as_convolution(k);
        return groat_conv_s8_needs_scalar(&convolution, needs);
    }
    needs->weights_bytes = (channels_of(k) + LANES - 1) / LANES * LANES * taps_of(k);
    needs->channels_bytes = channels_of(k) * sizeof(groat_scalar_channel);
    needs->scratch_bytes = 0;
    /* So that none of the products above has wrapped. */
    return k->layout == 0 && taps_of(k) < 1u << 28 && channels_of(k) < 1u << 28;
}

int groat_depthwise_s8_check_scalar(const groat_depthwise_s8 *k)
{
    if (k->channels_in == 1) {
        groat_conv_s8 convolution = as_convolution(k);
        return groat_conv_s8_check_scalar(&convolution);
    }
    return groat_scalar_channels_valid(k->channels, (uint32_t)channels_of(k), (uint32_t)channels_of(k));
}

/* ---- Sliding a 3x3 window along a row ------------------------------------------------------------------- */

static int slides(const groat_depthwise_s8 *k, uint32_t pixels)
{
    return pixels > 1 && groat_scalar_simple(k->act_min, k->output_zero_point, k->act_max) && k->multiplier == 1 &&
           k->rows == 3 && k->taps == 3 && (k->pixel_stride == k->tap_stride || k->pixel_stride == 2 * k->tap_stride);
}

/* ---- One pixel ------------------------------------------------------------------------------------------ */

/* `lanes` channels from `o` on; their inputs are `apart` (0 or 1) bytes from each other. */
static INLINE void sum_pixel(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start, const int8_t *w,
                             const uint32_t lanes, const uint32_t apart, uint32_t *sums)
{
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    uint32_t step = k->tap_stride;
    for (const int8_t *const *row = rows; row != rows + k->rows; row++) {
        const int8_t *x = *row + start;
        for (uint32_t t = k->taps; t > 0; t--, x += step, w += LANES) {
            a0 += (uint32_t)x[0] * (uint32_t)w[0];
            if (lanes == LANES) {
                a1 += (uint32_t)x[apart] * (uint32_t)w[1];
                a2 += (uint32_t)x[2 * apart] * (uint32_t)w[2];
                a3 += (uint32_t)x[3 * apart] * (uint32_t)w[3];
            }
        }
    }
    sums[0] = a0;
    if (lanes == LANES) {
        sums[1] = a1;
        sums[2] = a2;
        sums[3] = a3;
    }
}

static INLINE int32_t rescale(const groat_depthwise_s8 *k, const groat_scalar_channel *c, uint32_t sum)
{
    int32_t acc = (int32_t)((uint32_t)c->bias + sum);
    return groat_scalar_proven(c)     ? groat_scalar_rescale(acc, c->multiplier, c->offset, c->shift)
           : groat_scalar_constant(c) ? c->offset
                                      : groat_scalar_general(acc, c, k->output_zero_point);
}

/* All channels of the pixel whose window starts at `start`. */
static void single_pixel(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start, int8_t *out)
{
    uint32_t channels_out = (uint32_t)channels_of(k);
    uint32_t block = (uint32_t)taps_of(k) * LANES;
    const groat_scalar_channel *c = k->channels;
    const int8_t *w = k->weights;
    for (uint32_t o = 0; o < channels_out; w += block) {
        uint32_t count = channels_out - o < LANES ? channels_out - o : LANES;
        uint32_t sums[LANES];
        uint32_t first = start + (k->multiplier == 1 ? o : o / k->multiplier);
        if (count == LANES && k->multiplier == 1) {
            sum_pixel(k, rows, first, w, LANES, 1, sums);
        } else if (k->multiplier % LANES == 0) {
            sum_pixel(k, rows, first, w, LANES, 0, sums);
        } else {
            for (uint32_t lane = 0; lane < count; lane++) {
                sum_pixel(k, rows, start + (o + lane) / k->multiplier, w + lane, 1, 0, sums + lane);
            }
        }
        for (uint32_t lane = 0; lane < count; lane++, o++, c++) {
            out[o] = groat_scalar_clamp(rescale(k, c, sums[lane]), k->act_min, k->act_max);
        }
    }
}

/* One channel of one pixel. */
static void lone_output(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start, const int8_t *w,
                        const groat_scalar_channel *c, int8_t *out)
{
    uint32_t sum = 0;
    if (!groat_scalar_constant(c)) {
        sum_pixel(k, rows, start, w, 1, 0, &sum);
    }
    *out = groat_scalar_clamp(rescale(k, c, sum), k->act_min, k->act_max);
}

static const int8_t *weights_of(const groat_depthwise_s8 *k, uint32_t channel)
{
    return (const int8_t *)k->weights + channel / LANES * (uint32_t)taps_of(k) * LANES + channel % LANES;
}

/* Proven channels from `o` on. */
static uint32_t proven_from(const groat_depthwise_s8 *k, uint32_t o)
{
    const groat_scalar_channel *c = k->channels;
    uint32_t end = o;
    while (end < k->channels_in && groat_scalar_proven(&c[end])) {
        end++;
    }
    return end;
}

static void slide_pixels(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const groat_scalar_channel *c = k->channels;
    const uint32_t stride = k->pixel_stride == k->tap_stride ? 1 : 2;
    groat_scalar_slide s = {
        .step = k->tap_stride,
        .out_stride = k->channels_in,
        .low = k->act_min,
        .high = k->act_max,
        .rectified = k->act_min == k->output_zero_point,
        .back = 1 - ((pixels - 1) * stride + 3) * k->tap_stride,
        .out_bytes = pixels * k->channels_in,
    };
    for (uint32_t o = 0, end; o < k->channels_in; o = end) {
        end = proven_from(k, o);
        if (end == o) {
            for (uint32_t p = 0; p < pixels; p++) {
                lone_output(k, rows, p * k->pixel_stride + o, weights_of(k, o), &c[o], out + p * k->channels_in + o);
            }
            end++;
            continue;
        }
        for (uint32_t r = 0; r < 3; r++) {
            s.rows[r] = rows[r] + o;
        }
        s.w = weights_of(k, o);
        s.channel = &c[o];
        s.channels_end = &c[end];
        s.out = out + o;
        (stride == 1 ? groat_scalar_slide_one : groat_scalar_slide_two)(&s);
    }
}

#if GROAT_SCALAR_WIDE_WINDOWS
/* `pixels` pixels from the `first` on. */
static void wide_pixels(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t first, uint32_t pixels,
                        int8_t *out)
{
    const groat_scalar_channel *c = k->channels;
    const uint32_t stride = k->pixel_stride == k->tap_stride ? 1 : 2, start = first * k->pixel_stride;
    groat_scalar_wide s = {
        .rows = rows,
        .rows_end = rows + k->rows,
        .step = k->pixel_stride,
        .first_bytes = ((k->taps + stride - 1) / stride + pixels - 1) * k->pixel_stride,
        .second_bytes = (k->taps / 2 + pixels - 1) * k->pixel_stride,
        .tap_stride = k->tap_stride,
        .row_weights = k->taps * LANES,
        .next_block = ((uint32_t)taps_of(k) - 1) * LANES,
        .out_stride = k->channels_in,
        .low = k->act_min,
        .high = k->act_max,
        .rectified = k->act_min == k->output_zero_point,
    };
    out += first * k->channels_in;
    for (uint32_t o = 0, end; o < k->channels_in; o = end) {
        end = proven_from(k, o);
        if (end == o) {
            for (uint32_t p = 0; p < pixels; p++) {
                lone_output(k, rows, start + p * k->pixel_stride + o, weights_of(k, o), &c[o],
                            out + p * k->channels_in + o);
            }
            end++;
            continue;
        }
        s.start = start + o;
        s.w = weights_of(k, o);
        s.channel = &c[o];
        s.channels_end = &c[end];
        s.out = out + o;
        groat_scalar_some_wide(&s, pixels, stride);
    }
}

/* As many pixels as are worth it; how many are done. */
static uint32_t wide_windows(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t done = 0;
    if (k->multiplier != 1 || k->taps == 1 || !groat_scalar_simple(k->act_min, k->output_zero_point, k->act_max) ||
        !(k->pixel_stride == k->tap_stride || k->pixel_stride == 2 * k->tap_stride)) {
        return 0;
    }
    for (; pixels - done >= GROAT_SCALAR_WIDE; done += GROAT_SCALAR_WIDE) {
        wide_pixels(k, rows, done, GROAT_SCALAR_WIDE, out);
    }
    if (done > 0 && pixels - done >= 3) { /* cheaper to compute a few again than to go one by one */
        wide_pixels(k, rows, pixels - GROAT_SCALAR_WIDE, GROAT_SCALAR_WIDE, out);
        return pixels;
    }
    if (GROAT_SCALAR_RISCV && pixels - done >= GROAT_SCALAR_NARROW) {
        wide_pixels(k, rows, done, GROAT_SCALAR_NARROW, out);
        done += GROAT_SCALAR_NARROW;
    }
    return done;
}
#endif

void groat_depthwise_s8_scalar(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t channels_out = (uint32_t)channels_of(k), done = 0;
    if (k->channels_in == 1) {
        groat_conv_s8 convolution = as_convolution(k);
        groat_conv_s8_scalar(&convolution, rows, out, pixels);
        return;
    }
    if (slides(k, pixels)) {
        slide_pixels(k, rows, out, pixels);
        return;
    }
#if GROAT_SCALAR_WIDE_WINDOWS
    done = wide_windows(k, rows, out, pixels);
#endif
    for (; done < pixels; done++) {
        single_pixel(k, rows, done * k->pixel_stride, out + done * channels_out);
    }
}
