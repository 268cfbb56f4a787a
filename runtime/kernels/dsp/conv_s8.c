/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers with the DSP extension: inputs of one to three pixels are widened to 16 bits once,
 * into a panel, and then meet the weights of two channels at a time.
 *
 * A filter's bytes come in the order of the panel: first all whole quads of every run, then the one to three bytes
 * that each run leaves, side by side, filled up with zeros.  Weights of zero meet whatever the panel holds there.
 */
#include "dsp.h"

enum {
    MOST_PIXELS = 3
};

/* `layout` says how many pixels a block has less than the most. */
static uint32_t block_pixels(const groat_conv_s8 *k)
{
    return MOST_PIXELS - k->layout;
}

static uint64_t quads_of(const groat_conv_s8 *k)
{
    return ((uint64_t)k->rows * k->taps * k->run + 3u) / 4u;
}

static uint64_t pairs_of(const groat_conv_s8 *k)
{
    return ((uint64_t)k->channels_out + 1u) / 2u;
}

int groat_conv_s8_needs_dsp(const groat_conv_s8 *k, groat_needs *needs)
{
    if (k->layout >= MOST_PIXELS) {
        return 0;
    }
    needs->weights_bytes = pairs_of(k) * 2u * quads_of(k) * 4u;
    needs->channels_bytes = pairs_of(k) * 2u * sizeof(dsp_channel);
    needs->scratch_bytes = quads_of(k) * 8u * block_pixels(k);
    return 1;
}

int groat_conv_s8_check_dsp(const groat_conv_s8 *k)
{
    const dsp_channel *c = k->channels;
    uint32_t left = k->channels_out;
    int32_t run = 0; /* tags of fast pairs, which nothing but its own end stops */
    while (left > 0) {
        int fast = (c[0].tag & DSP_FAST) != 0;
        int32_t kind = c[0].tag & (DSP_FAST | DSP_SHORT);
        if (!dsp_channel_valid(&c[0], fast) || !dsp_channel_valid(&c[1], fast)) {
            return 0;
        }
        if (run != 0 && kind != run) {
            return 0;
        }
        if (fast) {
            if (left == 1 || (c[0].tag & DSP_RAW) == 0) {
                return 0;
            }
            run = dsp_ends_run(&c[1]) ? 0 : kind;
        }
        left -= left == 1 ? 1 : 2;
        c += 2;
    }
    return run == 0;
}

/* Four bytes of a pixel, widened to two words of the panel. */
static inline void put_quad(int32_t *to, uint32_t pixels, uint32_t quad)
{
    to[0] = __sxtb16((int32_t)quad);
    to[pixels] = dsp_odd_bytes((int32_t)quad);
}

/* One to three bytes. */
static inline uint32_t load_rest(const int8_t *x, uint32_t rest)
{
    uint16_t low = (uint8_t)x[0];
    if (rest > 1) {
        __builtin_memcpy(&low, x, sizeof(low));
    }
    return rest > 2 ? low | (uint32_t)(uint8_t)x[2] << 16 : low;
}

/* The `rest` bytes that each of three runs leaves, as in 3x3 filters over one or three channels. */
static inline void widen_three_rests(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t first, uint32_t pixels,
                                     int32_t *panel, uint32_t rest)
{
    uint32_t at = first * k->pixel_stride + k->run - rest;
    for (uint32_t p = 0; p < pixels; p++, panel++, at += k->pixel_stride) {
        uint32_t a = load_rest(rows[0] + at, rest);
        uint32_t b = load_rest(rows[1] + at, rest);
        uint32_t c = load_rest(rows[2] + at, rest);
        if (rest == 1) {
            put_quad(panel, pixels, a | b << 8 | c << 16);
        } else if (rest == 2) {
            put_quad(panel, pixels, a | b << 16);
            put_quad(panel + 2u * pixels, pixels, c);
        } else {
            put_quad(panel, pixels, a | b << 24);
            put_quad(panel + 2u * pixels, pixels, b >> 8 | c << 16);
            put_quad(panel + 4u * pixels, pixels, c >> 16);
        }
    }
}

/* The `rest` bytes that each run leaves behind its last quad; inlined for each number of them. */
static inline void widen_rest(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t first, uint32_t pixels,
                              int32_t *panel, uint32_t rest)
{
    if (k->rows == 3 && k->taps == 1) {
        widen_three_rests(k, rows, first, pixels, panel, rest);
        return;
    }
    uint32_t at = first * k->pixel_stride + k->run - rest;
    for (uint32_t p = 0; p < pixels; p++, panel++, at += k->pixel_stride) {
        int32_t *to = panel;
        uint32_t quad = 0;
        uint32_t bits = 0;
        for (uint32_t r = 0; r < k->rows; r++) {
            const int8_t *x = rows[r] + at;
            uint32_t t = k->taps;
            do {
                uint32_t bytes = load_rest(x, rest);
                x += k->tap_stride;
                quad |= bytes << bits;
                bits += 8u * rest;
                if (bits >= 32) {
                    put_quad(to, pixels, quad);
                    to += 2u * pixels;
                    bits -= 32;
                    quad = bits > 0 ? bytes >> (8u * rest - bits) : 0;
                }
            } while (--t > 0);
        }
        if (bits > 0) { /* what no byte fills meets weights of zero */
            put_quad(to, pixels, quad);
        }
    }
}

static void widen(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t first, uint32_t pixels, int32_t *panel)
{
    uint32_t quads = k->run / 4u;
    if (quads > 0) {
        for (uint32_t r = 0; r < k->rows; r++) {
            const int8_t *x = rows[r] + first * k->pixel_stride;
            for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
                panel = pixels == 3   ? groat_dsp_widen3(panel, x, k->pixel_stride, quads)
                        : pixels == 2 ? groat_dsp_widen2(panel, x, k->pixel_stride, quads)
                                      : groat_dsp_widen1(panel, x, k->pixel_stride, quads);
            }
        }
    }
    switch (k->run % 4u) {
    case 1:
        widen_rest(k, rows, first, pixels, panel, 1);
        break;
    case 2:
        widen_rest(k, rows, first, pixels, panel, 2);
        break;
    case 3:
        widen_rest(k, rows, first, pixels, panel, 3);
        break;
    default:
        break;
    }
}

/* Any pair of channels, the second of which may be missing. */
static void any_pair(const groat_conv_s8 *k, const dsp_block *b, uint32_t pixels, int missing)
{
    const dsp_channel *c = b->channels;
    int fast = (c->tag & DSP_FAST) != 0;
    int raw = (c->tag & DSP_RAW) != 0;
    for (uint32_t p = 0; p < pixels; p++) {
        const int32_t *w = b->weights;
        int32_t s0 = 0;
        int32_t s1 = 0;
        for (const int32_t *x = b->panel + p; w < b->weights + 2u * b->quads; w += 2, x += 2u * pixels) {
            if (raw) {
                s1 = __smlad(w[0], x[0], __smlad(w[1], x[pixels], s1));
                s0 = __smlad(__sxtb16(w[0]), x[0], __smlad(__sxtb16(w[1]), x[pixels], s0));
            } else {
                s0 = __smlad(__sxtb16(w[0]), x[0], __smlad(dsp_odd_bytes(w[0]), x[pixels], s0));
                s1 = __smlad(__sxtb16(w[1]), x[0], __smlad(dsp_odd_bytes(w[1]), x[pixels], s1));
            }
        }
        s1 = raw ? (int32_t)((uint32_t)s1 - (uint32_t)s0) >> 8 : s1;
        int8_t *out = b->out + p * b->out_stride;
        out[0] = dsp_requantize((uint32_t)s0 + (uint32_t)k->acc_offset, &c[0], fast, k->output_zero_point, k->act_min,
                                k->act_max);
        if (!missing) {
            out[1] = dsp_requantize((uint32_t)s1 + (uint32_t)k->acc_offset, &c[1], fast, k->output_zero_point,
                                    k->act_min, k->act_max);
        }
    }
}

typedef const dsp_channel *(*block_kernel)(const dsp_block *block);

static const block_kernel blocks[2][MOST_PIXELS] = {
    {groat_dsp_block1, groat_dsp_block2, groat_dsp_block3},
    {groat_dsp_short_block1, groat_dsp_short_block2, groat_dsp_short_block3},
};

static void multiply(const groat_conv_s8 *k, const int32_t *panel, uint32_t quads, int8_t *out, uint32_t pixels)
{
    const dsp_channel *channels = k->channels;
    const dsp_channel *end = channels + 2u * pairs_of(k);
    dsp_block b = {
        .panel = panel,
        .panel_end = panel + 2u * quads * pixels,
        .channels = channels,
        .out_stride = k->out_stride,
        .weights = k->weights,
        .quads = quads,
    };
    while (b.channels < end) {
        const dsp_channel *done = b.channels + 2;
        b.out = out + (b.channels - channels);
        if ((b.channels->tag & DSP_FAST) != 0 && k->acc_offset == 0) {
            int short_way = (b.channels->tag & DSP_SHORT) != 0;
            done = blocks[short_way][pixels - 1u](&b);
        } else {
            any_pair(k, &b, pixels, (uint32_t)(b.channels - channels) + 1u == k->channels_out);
        }
        b.weights += (uint32_t)(done - b.channels) * quads;
        b.channels = done;
    }
}

void groat_conv_s8_dsp(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t quads = (uint32_t)quads_of(k);
    int32_t *panel = k->scratch;
    for (uint32_t p = 0; p < pixels;) {
        uint32_t left = pixels - p;
        uint32_t count = block_pixels(k);
        count = left == 4 && count == 3 ? 2 : left < count ? left : count; /* 2 + 2 costs less than 3 + 1 */
        widen(k, rows, p, count, panel);
        multiply(k, panel, quads, out + p * k->out_stride, count);
        p += count;
    }
}
