/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution by VMLADAVA: up to sixteen taps of a channel to an instruction.
 *
 * Rows are interleaved by fours first, VST4 doing it for sixteen channels at a time, so that a word holds four taps;
 * neighbouring pixels share most of what they read, and so the work.  Then filters.h takes over.
 * A filter on a single input channel is a convolution and is computed as one.
 *
 * Weights, for each four channels: their four biases, then vectors of four words of weights of each channel.  The
 * words of a window go column by column, each column its rows by fours; what is not there is zero.
 */
#include "filters.h"
#include "interleave.h"
#include "scale.h"

enum {
    SLACK_BYTES = 4 * VECTOR,                            /* VST4 writes so many bytes at once */
    COLUMNS_BYTES = 36 * CHANNELS_AT_ONCE, /* six columns of 64 channels, and what lies behind them */
    FEW_COLUMNS_BYTES = 28 * CHANNELS_AT_ONCE, /* where scratch is scarce: six of three rows */
    FEW_PIXELS = 4,
};

static uint32_t words_of(uint32_t rows)
{
    return (rows + 3) / 4;
}

/* Bytes that interleaved columns of one channel take, with the words behind them that a last vector reaches. */
static uint64_t bytes_for(uint32_t rows, uint64_t columns)
{
    return (columns * words_of(rows) + 3) * WORD;
}

/* Columns lie tap_stride apart, and neighbouring pixels may use the same ones. */
static uint32_t is_shared(const groat_depthwise_s8 *k)
{
    uint32_t stride = k->tap_stride > 0 ? k->pixel_stride / k->tap_stride : 0;
    return stride > 0 && stride <= k->taps && stride * k->tap_stride == k->pixel_stride;
}

/* Bytes for interleaved columns: for two pixels of the smallest block of channels, or as much more as there may be and
 * as pixels and channels need. */
static uint64_t room_for(const groat_depthwise_s8 *k)
{
    uint64_t least = bytes_for(k->rows, (uint64_t)2 * k->taps) * VECTOR;
    uint32_t most = k->sparing ? FEW_COLUMNS_BYTES : COLUMNS_BYTES;
    uint32_t words = words_of(k->rows), of_pixel = is_shared(k) ? k->pixel_stride / k->tap_stride : k->taps;
    uint32_t columns = (k->pixels - 1u) * of_pixel + k->taps;
    if (columns <= most / (WORD * VECTOR) / words) {
        uint32_t vectors = (k->channels_in * k->multiplier + VECTOR - 1u) / VECTOR;
        vectors = vectors < CHANNELS_AT_ONCE / VECTOR ? vectors : CHANNELS_AT_ONCE / VECTOR;
        uint32_t all = (columns * words + 3u) * WORD * VECTOR * vectors;
        most = all < most ? all : most;
    }
    return least > most ? least : most;
}

/* A single input channel: the same as a convolution. */
static groat_conv_s8 as_convolution(const groat_depthwise_s8 *k)
{
    return (groat_conv_s8){
        .weights = k->weights,
        .channels = k->channels,
        .layout = k->layout,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = k->taps,
        .run = 1,
        .tap = 1,
        .tap_stride = k->tap_stride,
        .pixel_stride = k->pixel_stride,
        .out_stride = k->multiplier,
        .output_zero_point = k->output_zero_point,
        .act_min = k->act_min,
        .act_max = k->act_max,
        .scratch = k->scratch,
    };
}

int groat_depthwise_s8_needs_mve(const groat_depthwise_s8 *k, groat_needs *needs)
{
    if (k->channels_in == 1) {
        groat_conv_s8 conv = as_convolution(k);
        return groat_conv_s8_needs_mve(&conv, needs);
    }
    uint64_t quads = quads_of(k->channels_in * k->multiplier);
    uint64_t vectors = ((uint64_t)words_of(k->rows) * k->taps + 3) / 4;
    needs->weights_bytes = quads * (4 * sizeof(int32_t) + 4 * VECTOR * vectors);
    needs->channels_bytes = quads * sizeof(groat_quad);
    needs->scratch_bytes = SUMS_BYTES + room_for(k) + SLACK_BYTES;
    return k->layout < LAYOUTS;
}

int groat_depthwise_s8_check_mve(const groat_depthwise_s8 *k)
{
    return groat_quads_valid_mve(k->channels, quads_of(k->channels_in * k->multiplier), k->layout);
}

/* How pixels are taken: which columns of the input are interleaved for which of them. */
typedef struct plan {
    uint32_t words;         /* of a column of one channel */
    uint32_t of_pixel;      /* from one pixel to the next, in columns */
    uint32_t shared;        /* columns lie tap_stride apart, and neighbouring pixels may use the same ones */
    uint32_t channels;      /* in a block */
    uint32_t pitch;         /* of a word of all these channels; whole vectors, unless `one_run` */
    uint32_t one_run;       /* columns touch in the input, and so they do interleaved */
    uint32_t beyond;        /* words that the last vector of a window reaches beyond it */
    uint32_t pixels;        /* at once: an even number, or all */
} plan;

static inline uint32_t count_columns(const plan *c, uint32_t taps, uint32_t pixels)
{
    return (pixels - 1) * c->of_pixel + taps;
}

static plan make_plan(const groat_depthwise_s8 *k, uint32_t channels, uint32_t pixels)
{
    const uint32_t taps = k->taps;
    plan c = {.words = words_of(k->rows), .of_pixel = taps, .shared = is_shared(k)};
    c.beyond = (0u - c.words * taps) % 4;
    if (c.shared) {
        c.of_pixel = k->pixel_stride / k->tap_stride;
    }
    /* That there is so much room has been checked as part of the scratch, so nothing here overflows. */
    uint32_t room = (uint32_t)room_for(k) / WORD;
    if (c.words == 1 && c.shared && k->multiplier == 1 && k->tap_stride == channels && channels <= CHANNELS_AT_ONCE &&
        room / channels >= count_columns(&c, taps, pixels < FEW_PIXELS ? pixels : FEW_PIXELS) + c.beyond) {
        c.one_run = 1;
        c.pitch = channels;
        c.channels = channels;
    } else {
        /* As many vectors as leave room for all pixels. */
        uint32_t vectors = room / (VECTOR * (count_columns(&c, taps, pixels) * c.words + c.beyond));
        vectors = vectors < 1 ? 1 : vectors < CHANNELS_AT_ONCE / VECTOR ? vectors : CHANNELS_AT_ONCE / VECTOR;
        c.channels = channels < VECTOR * vectors ? channels : VECTOR * vectors;
        c.pitch = (c.channels + VECTOR - 1) / VECTOR * VECTOR;
    }
    c.pixels = pixels;
    if (pixels > 2) {
        uint32_t most = ((room / c.pitch - c.beyond) / c.words - taps) / c.of_pixel + 1;
        c.pixels = pixels <= most ? pixels : most & ~1u;
    }
    return c;
}

/* One input channel goes to `multiplier` output channels. */
static void interleave_multiplied(const int8_t *const *rows, uint32_t offset, uint32_t first, uint32_t multiplier,
                                  uint32_t count, int8_t *out)
{
    for (uint32_t o = first; o < first + count; o++) {
        for (uint32_t i = 0; i < WORD; i++) {
            *out++ = rows[i][offset + o / multiplier];
        }
    }
}

/* Four rows to a word; beyond the last one weights are zero. */
static inline void take_four(const int8_t *const *rows, uint32_t first, uint32_t count, const int8_t **four)
{
    for (uint32_t i = 0; i < WORD; i++) {
        four[i] = rows[first + i < count ? first + i : count - 1];
    }
}

/* Columns that touch, as one run, which may end in a part of a vector. */
static inline void fill_run(const int8_t *const *rows, uint32_t offset, uint32_t bytes, int8_t *out)
{
    interleave_run(rows, offset, out, bytes / VECTOR);
    if (bytes % VECTOR != 0) {
        uint32_t done = bytes / VECTOR * VECTOR;
        interleave_part(rows, offset + done, 0, bytes % VECTOR, out + done * WORD, 0, 1);
    }
}

/* `count` columns, `step` bytes apart, of `channels` channels from `first` on. */
static void fill_columns(const groat_depthwise_s8 *k, const int8_t *const *rows, uint32_t offset, uint32_t count,
                         uint32_t first, uint32_t channels, int8_t *out, uint32_t out_step)
{
    const uint32_t step = k->tap_stride;
    if (k->multiplier != 1) {
        for (; count > 0; count--, offset += step, out += out_step) {
            interleave_multiplied(rows, offset, first, k->multiplier, channels, out);
        }
        return;
    }
    offset += first;
    switch (channels / VECTOR) {
    case 1:
        interleave_1(rows, offset, step, out, out_step, count);
        break;
    case 2:
        interleave_2(rows, offset, step, out, out_step, count);
        break;
    case 3:
        interleave_3(rows, offset, step, out, out_step, count);
        break;
    case 4: /* CHANNELS_AT_ONCE */
        interleave_4(rows, offset, step, out, out_step, count);
        break;
    }
    if (channels % VECTOR != 0) {
        uint32_t done = channels / VECTOR * VECTOR;
        interleave_part(rows, offset + done, step, channels % VECTOR, out + done * WORD, out_step, count);
    }
}

__attribute__((noinline)) static void fill(const groat_depthwise_s8 *k, const plan *c, const int8_t *const *rows,
                                           uint32_t pixel, uint32_t pixels, uint32_t first, uint32_t channels,
                                           int8_t *out)
{
    const int8_t *four[WORD];
    const uint32_t count = k->rows;
    uint32_t offset = pixel * k->pixel_stride;
    if (c->one_run) {
        take_four(rows, 0, count, four);
        fill_run(four, offset, channels * count_columns(c, k->taps, pixels), out);
        return;
    }
    const uint32_t column = c->words * c->pitch * WORD;
    for (uint32_t r = 0; r < count; r += WORD, out += c->pitch * WORD) {
        take_four(rows, r, count, four);
        if (c->shared) {
            fill_columns(k, four, offset, count_columns(c, k->taps, pixels), first, channels, out, column);
            continue;
        }
        for (uint32_t p = 0; p < pixels; p++) {
            fill_columns(k, four, offset + p * k->pixel_stride, k->taps, first, channels, out + p * k->taps * column,
                         column);
        }
    }
}

void groat_depthwise_s8_mve(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (k->channels_in == 1) {
        groat_conv_s8 conv = as_convolution(k);
        if (conv.tap_stride == 1) {
            conv.run = conv.taps;
            conv.taps = 1;
        }
        groat_conv_s8_mve(&conv, rows, out, pixels);
        return;
    }
    if (pixels == 0) {
        return;
    }
    const groat_scaling scaling = scaling_of(k->layout, k->output_zero_point, k->act_min, k->act_max);
    const uint32_t channels_out = k->channels_in * k->multiplier;
    const plan c = make_plan(k, channels_out, pixels);
    int32_t *const sums = k->scratch;
    int8_t *const buffer = (int8_t *)k->scratch + SUMS_BYTES;
    const uint32_t pixel_step = c.of_pixel * c.words * c.pitch * WORD, word_step = c.pitch * WORD;
    const int8_t *weights = k->weights;
    const groat_quad *quads = k->channels;
    pair_loop loop; /* no initialiser: compilers make a call of it that firmware need not have */
    loop.vectors = (c.words * k->taps + 3) / 4;
    loop.vector_step = 4 * word_step;
    for (uint32_t i = 0; i < 4; i++) {
        loop.offsets[i] = i * word_step;
    }
    for (uint32_t first = 0, channels; first < channels_out; first += channels, out += channels) {
        channels = channels_out - first < c.channels ? channels_out - first : c.channels;
        int8_t *to = out;
        for (uint32_t p = 0, now; p < pixels; p += now, to += now * channels_out) {
            now = pixels - p < c.pixels ? pixels - p : c.pixels;
            fill(k, &c, rows, p, now, first, channels, buffer);
            start_pairs(&loop, &scaling, weights, quads, channels, buffer, pixel_step, to, channels_out, now / 2);
            if (now >= 2) {
                run_pairs_of_filters(&loop);
            }
            if (now % 2 != 0) {
                loop.x = buffer + (now - 1) * pixel_step;
                sum_one_of_filters(&loop, sums);
                groat_scale_mve(&scaling, sums, quads, channels, to + (now - 1) * channels_out);
            }
        }
        weights += quads_of(channels) * (4 * sizeof(int32_t) + 4 * VECTOR * loop.vectors);
        quads += quads_of(channels);
    }
}
