/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution with the DSP extension, four channels at a time.
 *
 * Large filters of stride 1 share their columns among neighbouring pixels: columns are turned into planes of one
 * channel each, two rows of the filter in one word, so that SMLAD runs along the pixels.  All else goes pixel by pixel.
 *
 * The last four channels may overlap the ones before: they are computed twice rather than specially.
 */
#include "dsp.h"

enum {
    LAYOUT_PLAIN = 0,       /* the reference's */
    LAYOUT_FOURS = 1,       /* a stream of four channels' weights and constants; a depth multiplier of 1 */
    LAYOUT_DENSE = 2,       /* one input channel: what conv_s8 reads, for runs of 1 */
    BLOCK = 24,             /* pixels that share a set of planes */
    FEWEST = 3,             /* pixels that planes are worth it for */
};

/* The shape of that convolution; its pointers and strides are for the call. */
static groat_conv_s8 dense(const groat_depthwise_s8 *k)
{
    return (groat_conv_s8){
        .weights = k->weights,
        .channels = k->channels,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = k->taps,
        .run = 1,
        .out_stride = k->multiplier,
        .output_zero_point = k->output_zero_point,
        .act_min = k->act_min,
        .act_max = k->act_max,
    };
}

static void run_dense(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8 conv = dense(k);
    conv.tap_stride = k->tap_stride;
    conv.pixel_stride = k->pixel_stride;
    conv.scratch = k->scratch;
    if (k->tap_stride == 1 && (k->taps < 4 || k->taps % 4u == 0)) { /* packed as so many runs of one are */
        conv.run = k->taps;
        conv.taps = 1;
    }
    groat_conv_s8_dsp(&conv, rows, out, pixels);
}

/* Words of four channels in the stream. */
static uint64_t four_words(const groat_depthwise_s8 *k)
{
    return (uint64_t)k->rows * k->taps + 4u * sizeof(dsp_channel) / 4u;
}

static int uses_planes(const groat_depthwise_s8 *k)
{
    return (uint64_t)k->rows * k->taps > 9u && k->taps > 1 && k->taps <= BLOCK;
}

static uint32_t sets_of(const groat_depthwise_s8 *k)
{
    return k->rows / 2u + k->rows % 2u;
}

int groat_depthwise_s8_needs_dsp(const groat_depthwise_s8 *k, groat_needs *needs)
{
    switch (k->layout) {
    case LAYOUT_PLAIN:
        return groat_depthwise_s8_needs_ref(k, needs);
    case LAYOUT_FOURS:
        needs->weights_bytes = ((uint64_t)k->channels_in + 3u) / 4u * four_words(k) * 4u;
        needs->channels_bytes = 0;
        needs->scratch_bytes = 0;
        if (uses_planes(k)) {
            /* Planes, of which a block of four pixels may read past the last, and the weights in the same order. */
            uint64_t words = (uint64_t)BLOCK + k->taps - 1u + k->taps;
            needs->scratch_bytes = (sets_of(k) * 4u * words + 4u) * 4u;
        }
        return k->multiplier == 1 && k->channels_in >= 4;
    case LAYOUT_DENSE: {
        groat_conv_s8 conv = dense(k);
        return k->channels_in == 1 && groat_conv_s8_needs_dsp(&conv, needs);
    }
    default:
        return 0;
    }
}

int groat_depthwise_s8_check_dsp(const groat_depthwise_s8 *k)
{
    if (k->layout == LAYOUT_PLAIN) {
        return groat_depthwise_s8_check_ref(k);
    }
    if (k->layout == LAYOUT_DENSE) {
        groat_conv_s8 conv = dense(k);
        return groat_conv_s8_check_dsp(&conv);
    }
    const int32_t *stream = k->weights;
    int in_run = 0; /* of fast fours, which nothing but its own end stops */
    for (uint32_t c = 0; c < k->channels_in; c += 4, stream += four_words(k)) {
        const dsp_channel *channels = (const dsp_channel *)(stream + k->rows * k->taps);
        int fast = (channels->tag & DSP_FAST) != 0;
        for (uint32_t i = 0; i < 4; i++) {
            if (!dsp_channel_valid(&channels[i], fast)) {
                return 0;
            }
        }
        /* A run goes on behind what it has done, so four channels that overlap are one of their own. */
        if (in_run && (!fast || c + 4u > k->channels_in)) {
            return 0;
        }
        in_run = fast && !dsp_ends_run(&channels[3]);
    }
    return !in_run;
}

/* ---- Pixel by pixel ---- */

/* Four channels whose requantisation takes the long way. */
static void any_four(const groat_depthwise_s8 *k, const dsp_pixels *b)
{
    const dsp_channel *channels = (const dsp_channel *)(b->stream + k->rows * k->taps);
    for (uint32_t p = 0; p < b->count; p++) {
        for (uint32_t i = 0; i < 4; i++) {
            const int8_t *w = (const int8_t *)b->stream + i;
            uint32_t acc = 0;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int8_t *x = b->rows[r] + b->at + p * k->pixel_stride + i;
                for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += 4) {
                    acc += (uint32_t)(*x * *w);
                }
            }
            b->out[p * k->channels_in + i] =
                dsp_requantize(acc, &channels[i], 0, k->output_zero_point, k->act_min, k->act_max);
        }
    }
}

/* ---- Neighbouring pixels ---- */

/* The weights of four channels in planes of `taps` words: rows of a pair in one word; a single row's beside a zero,
 * on the side where its plane of inputs has the channel. */
static void widen_weights(const groat_depthwise_s8 *k, const int8_t *w, int32_t *to)
{
    uint32_t row = 4u * k->taps;
    for (uint32_t r = 0; r + 1u < k->rows; r += 2, w += 2u * row, to += row) {
        groat_dsp_planes2(w, w + row, 4, k->taps, to, k->taps);
    }
    if (k->rows % 2u != 0) {
        for (uint32_t t = 0; t < k->taps; t++, w += 4, to++) {
            to[0] = (uint16_t)w[0];
            to[k->taps] = (uint16_t)w[1];
            to[2u * k->taps] = (int32_t)((uint32_t)w[2] << 16);
            to[3u * k->taps] = (int32_t)((uint32_t)w[3] << 16);
        }
    }
}

static void widen_columns(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t at, uint32_t columns,
                          int32_t *to)
{
    for (uint32_t r = 0; r + 1u < k->rows; r += 2, to += 4u * columns) {
        groat_dsp_planes2(rows[r] + at, rows[r + 1u] + at, k->tap_stride, columns, to, columns);
    }
    if (k->rows % 2u != 0) {
        groat_dsp_planes1(rows[k->rows - 1u] + at, k->tap_stride, columns, to, columns);
    }
}

/* Four channels by way of planes. */
static void neighbours(const groat_depthwise_s8 *k, const dsp_pixels *b)
{
    int32_t *weights = k->scratch;
    int32_t *planes = weights + sets_of(k) * 4u * k->taps;
    widen_weights(k, (const int8_t *)b->stream, weights);
    for (uint32_t p = 0; p < b->count; p += BLOCK) {
        uint32_t count = b->count - p < BLOCK ? b->count - p : BLOCK;
        uint32_t columns = count + k->taps - 1u;
        widen_columns(k, b->rows, b->at + p * k->pixel_stride, columns, planes);
        for (uint32_t c = 0; c < 4; c++) {
            dsp_plane plane = {
                .x = planes + (k->rows == 1 ? c & 1u : c) * columns,
                .weights = weights + c * k->taps,
                .channel = (const dsp_channel *)(b->stream + k->rows * k->taps) + c,
                .out = b->out + p * k->channels_in + c,
                .out_stride = k->channels_in,
                .count = count,
                .sets = sets_of(k),
                .taps = k->taps,
                .x_step = 4u * (4u * columns - k->taps),
                .weights_step = 12u * k->taps,
            };
            /* Two channels share a plane of a single row. */
            plane.x_last_step = plane.x_step - (k->rows % 2u != 0 ? 4u * (c & 2u) * columns : 0);
            groat_dsp_depthwise_plane(&plane);
        }
    }
}

void groat_depthwise_s8_dsp(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (k->layout == LAYOUT_PLAIN) {
        groat_depthwise_s8_ref(k, rows, out, pixels);
        return;
    }
    if (k->layout == LAYOUT_DENSE) {
        run_dense(k, rows, out, pixels);
        return;
    }
    int planes = uses_planes(k) && k->pixel_stride == k->tap_stride && pixels >= FEWEST;
    uint32_t words = (uint32_t)four_words(k);
    dsp_pixels b = {
        .rows = rows,
        .stream = k->weights,
        .count = pixels,
        .pixel_stride = k->pixel_stride,
        .out_stride = k->channels_in,
        .tap_stride = k->tap_stride,
        .row_count = k->rows,
        .taps = k->taps,
    };
    for (uint32_t c = 0; c < k->channels_in;) {
        const dsp_channel *last = (const dsp_channel *)(b.stream + words) - 4;
        int fast = (last->tag & DSP_FAST) != 0;
        b.at = c + 4u <= k->channels_in ? c : k->channels_in - 4u;
        b.out = out + b.at;
        if (fast && !planes) {
            if (k->rows == 3 && k->taps == 3) {
                groat_dsp_depthwise3x3(&b);
            } else {
                groat_dsp_depthwise(&b);
            }
            /* What it did goes as far as the run does. */
            while (!dsp_ends_run(last + 3)) {
                last = (const dsp_channel *)((const int32_t *)last + words);
                b.stream += words;
                c += 4;
            }
        } else if (fast) {
            neighbours(k, &b);
        } else {
            any_four(k, &b);
        }
        b.stream += words;
        c += 4;
    }
}
