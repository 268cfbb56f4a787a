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

#define LANES 4u

/* Too much code for the flash of the smallest core, whose few registers gain little by it. */
#if defined(__ARM_ARCH_6M__)
#define WIDE_WINDOWS 0
#else
#define WIDE_WINDOWS 1
#endif

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

#if !GROAT_SCALAR_RISCV
/* sum = start + the column's products with column t of the weights, one after the other: gcc would add them up in a
 * tree, and run out of registers. */
#define COLUMN(sum, start, t)       \
    do {                            \
        sum = (start) + x0 * w0##t; \
        __asm__("" : "+r"(sum));    \
        sum += x1 * w1##t;          \
        __asm__("" : "+r"(sum));    \
        sum += x2 * w2##t;          \
        __asm__("" : "+r"(sum));    \
    } while (0)
#define LOAD_COLUMN()       \
    do {                    \
        x0 = (uint32_t)*r0; \
        x1 = (uint32_t)*r1; \
        x2 = (uint32_t)*r2; \
        r0 += step;         \
        r1 += step;         \
        r2 += step;         \
    } while (0)

/* One channel, `o` from the first; its outputs lie `stride` (1 or 2) columns apart. */
static INLINE void slide_channel(const groat_scalar_slide *s, const int8_t *w, const groat_scalar_channel *c,
                                 uint32_t o, const uint32_t stride)
{
    const int8_t *r0 = s->rows[0] + o, *r1 = s->rows[1] + o, *r2 = s->rows[2] + o;
    int8_t *out = s->out + o;
    const uint32_t w00 = (uint32_t)w[0], w01 = (uint32_t)w[4], w02 = (uint32_t)w[8];
    const uint32_t w10 = (uint32_t)w[12], w11 = (uint32_t)w[16], w12 = (uint32_t)w[20];
    const uint32_t w20 = (uint32_t)w[24], w21 = (uint32_t)w[28], w22 = (uint32_t)w[32];
    const uint32_t bias = (uint32_t)c->bias, out_stride = s->out_stride, step = s->step;
    const groat_scalar_scaling scaling = {c->multiplier, c->offset, c->shift, s->low, s->high, s->rectified};
    const int8_t *end = out + s->out_bytes;
    uint32_t x0, x1, x2;

    LOAD_COLUMN();
    uint32_t a, b = 0, sum;
    COLUMN(a, bias, 0);
    if (stride == 1) {
        LOAD_COLUMN();
        COLUMN(a, a, 1);
        COLUMN(b, bias, 0);
    }
    for (;;) {
        if (stride == 2) {
            LOAD_COLUMN();
            COLUMN(a, a, 1);
        }
        LOAD_COLUMN();
        COLUMN(sum, a, 2);
        *out = groat_scalar_scale((int32_t)sum, scaling);
        out += out_stride;
        if (out == end) {
            return;
        }
        if (stride == 1) {
            COLUMN(a, b, 1);
            COLUMN(b, bias, 0);
        } else {
            COLUMN(a, bias, 0);
        }
    }
}

static INLINE void slide_channels(const groat_scalar_slide *s, const uint32_t stride)
{
    const int8_t *w = s->w;
    for (uint32_t o = 0; s->channel + o < s->channels_end; o++) {
        slide_channel(s, w, s->channel + o, o, stride);
        w += ((uintptr_t)w & (LANES - 1)) == LANES - 1 ? 8 * LANES + 1 : 1;
    }
}

void groat_scalar_slide_one(groat_scalar_slide *s)
{
    slide_channels(s, 1);
}

void groat_scalar_slide_two(groat_scalar_slide *s)
{
    slide_channels(s, 2);
}
#endif

static int slides(const groat_depthwise_s8 *k, uint32_t pixels)
{
    return pixels > 1 && groat_scalar_simple(k->act_min, k->output_zero_point, k->act_max) && k->multiplier == 1 &&
           k->rows == 3 && k->taps == 3 && (k->pixel_stride == k->tap_stride || k->pixel_stride == 2 * k->tap_stride);
}

/* ---- Five neighbouring pixels of any window ------------------------------------------------------------- */

#if WIDE_WINDOWS
#define WIDE 5u

/* The `i`th weight from here with the inputs of five pixels: four are there already, the fifth is the next. */
#define TAP(i, v0, v1, v2, v3, v4)                           \
    do {                                                     \
        uint32_t weight = (uint32_t)w[(i) * LANES * stride]; \
        v4 = (uint32_t)*x;                                   \
        x += step;                                           \
        a0 += v0 * weight;                                   \
        a1 += v1 * weight;                                   \
        a2 += v2 * weight;                                   \
        a3 += v3 * weight;                                   \
        a4 += v4 * weight;                                   \
    } while (0)

/* One channel; its inputs are at `start` in each row.  Outputs lie `stride` (1 or 2) taps apart: with two, first all
 * even taps slide over every other input, then all odd ones. */
static INLINE void wide_channel(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start,
                                const uint32_t stride, const int8_t *weights, const groat_scalar_channel *c,
                                int8_t *out)
{
    const uint32_t step = k->pixel_stride, out_stride = k->channels_in;
    uint32_t a0 = (uint32_t)c->bias, a1 = a0, a2 = a0, a3 = a0, a4 = a0;
    for (const int8_t *const *row = rows, *const *end = rows + k->rows; row != end; row++) {
        for (uint32_t phase = 0; phase < stride; phase++) {
            const int8_t *x = *row + start + phase * k->tap_stride, *w = weights + phase * LANES;
            uint32_t v0 = (uint32_t)x[0], v1 = (uint32_t)x[step], v2, v3, v4;
            x += 2 * step;
            v2 = (uint32_t)x[0];
            v3 = (uint32_t)x[step];
            x += 2 * step;
            uint32_t t = (k->taps + stride - 1 - phase) / stride;
            for (; t >= 5; t -= 5, w += 5 * LANES * stride) {
                TAP(0, v0, v1, v2, v3, v4);
                TAP(1, v1, v2, v3, v4, v0);
                TAP(2, v2, v3, v4, v0, v1);
                TAP(3, v3, v4, v0, v1, v2);
                TAP(4, v4, v0, v1, v2, v3);
            }
            if (t >= 1) {
                TAP(0, v0, v1, v2, v3, v4);
            }
            if (t >= 2) {
                TAP(1, v1, v2, v3, v4, v0);
            }
            if (t >= 3) {
                TAP(2, v2, v3, v4, v0, v1);
            }
            if (t == 4) {
                TAP(3, v3, v4, v0, v1, v2);
            }
        }
        weights += k->taps * LANES;
    }
    const int32_t multiplier = c->multiplier, offset = c->offset, shift = c->shift;
    const int32_t low = k->act_min, high = k->act_max;
    out[0] = groat_scalar_clamp(groat_scalar_rescale((int32_t)a0, multiplier, offset, shift), low, high);
    out += out_stride;
    out[0] = groat_scalar_clamp(groat_scalar_rescale((int32_t)a1, multiplier, offset, shift), low, high);
    out += out_stride;
    out[0] = groat_scalar_clamp(groat_scalar_rescale((int32_t)a2, multiplier, offset, shift), low, high);
    out += out_stride;
    out[0] = groat_scalar_clamp(groat_scalar_rescale((int32_t)a3, multiplier, offset, shift), low, high);
    out += out_stride;
    out[0] = groat_scalar_clamp(groat_scalar_rescale((int32_t)a4, multiplier, offset, shift), low, high);
}
#endif

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

#if WIDE_WINDOWS
static void __attribute__((noinline)) wide_one(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start,
                                               const int8_t *w, const groat_scalar_channel *c, int8_t *out)
{
    wide_channel(k, rows, start, 1, w, c, out);
}

static void __attribute__((noinline)) wide_two(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start,
                                               const int8_t *w, const groat_scalar_channel *c, int8_t *out)
{
    wide_channel(k, rows, start, 2, w, c, out);
}

/* The five pixels from `start` on. */
static void wide_pixels(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t start, int8_t *out)
{
    const groat_scalar_channel *c = k->channels;
    for (uint32_t o = 0; o < k->channels_in; o++, c++) {
        const int8_t *w = weights_of(k, o);
        if (groat_scalar_proven(c) && k->pixel_stride == k->tap_stride) {
            wide_one(k, rows, start + o, w, c, out + o);
        } else if (groat_scalar_proven(c)) {
            wide_two(k, rows, start + o, w, c, out + o);
        } else {
            for (uint32_t p = 0; p < WIDE; p++) {
                lone_output(k, rows, start + p * k->pixel_stride + o, w, c, out + p * k->channels_in + o);
            }
        }
    }
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
#if WIDE_WINDOWS
    if (k->multiplier == 1 && k->taps > 1 &&
        (k->pixel_stride == k->tap_stride || k->pixel_stride == 2 * k->tap_stride)) {
        for (; pixels - done >= WIDE; done += WIDE) {
            wide_pixels(k, rows, done * k->pixel_stride, out + done * channels_out);
        }
        if (done > 0 && pixels - done >= 3) { /* cheaper to compute a few again than to go one by one */
            done = pixels - WIDE;
            wide_pixels(k, rows, done * k->pixel_stride, out + done * channels_out);
            return;
        }
    }
#endif
    for (; done < pixels; done++) {
        single_pixel(k, rows, done * k->pixel_stride, out + done * channels_out);
    }
}
