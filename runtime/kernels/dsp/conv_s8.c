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

static uint32_t block_pixels(const groat_conv_s8 *k)
{
    return MOST_PIXELS - (k->layout < DSP_CONV_WIDE ? k->layout : k->layout - DSP_CONV_WIDE);
}

/* The layouts that a build must run, a bit each.  One for a single model may leave out kinds that it does not use: most
 * of the code is in blocks for weights that `speed` alone lays out. */
#ifndef GROAT_CONV_LAYOUTS
#define GROAT_CONV_LAYOUTS 0xFFu
#endif
#define HAS_WIDE ((GROAT_CONV_LAYOUTS & 0x38u) != 0)
#define HAS_WINOGRAD4 ((GROAT_CONV_LAYOUTS & 0x40u) != 0)
#define HAS_WINOGRAD2 ((GROAT_CONV_LAYOUTS & 0x80u) != 0)
_Static_assert(DSP_CONV_WIDE == 3 && DSP_CONV_WINOGRAD4 == 6 && DSP_CONV_WINOGRAD2 == 7 && DSP_CONV_LAYOUTS == 8,
               "the bits above");

static int is_wide(const groat_conv_s8 *k)
{
    return HAS_WIDE && k->layout >= DSP_CONV_WIDE;
}

static int is_winograd2(const groat_conv_s8 *k)
{
    return HAS_WINOGRAD2 && k->layout == DSP_CONV_WINOGRAD2;
}

static int is_winograd(const groat_conv_s8 *k)
{
    return (HAS_WINOGRAD4 && k->layout == DSP_CONV_WINOGRAD4) || is_winograd2(k);
}

/* Filters of 3x3 over pixels that lie side by side, with whole quads of channels and pairs of outputs. */
static int winograd_needs(const groat_conv_s8 *k, groat_needs *needs)
{
    uint32_t quads = k->pixel_stride / 4u;
    if (k->rows != 3 || k->taps != 1 || k->run != 3u * (uint64_t)k->pixel_stride || k->pixel_stride % 4u != 0 ||
        quads > DSP_WINOGRAD_QUADS || k->channels_out % 2u != 0) {
        return 0;
    }
    uint32_t places = is_winograd2(k) ? DSP_WINOGRAD2_PLACES : DSP_WINOGRAD4_PLACES;
    needs->weights_bytes = (uint64_t)k->channels_out * quads * places * 8u;
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(dsp_channel);
    needs->scratch_bytes = (quads + 1u) * places * 16u;
    needs->more_rows = is_winograd2(k) ? 1 : 3;
    return 1;
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
    int bytes = k->layout < DSP_CONV_WIDE;
    int halfwords = !bytes && k->layout < DSP_CONV_WINOGRAD4;
    if (!bytes && !(halfwords && HAS_WIDE) && !is_winograd(k)) {
        return 0;
    }
    if (is_winograd(k)) {
        return winograd_needs(k, needs);
    }
    needs->weights_bytes = pairs_of(k) * 2u * quads_of(k) * (is_wide(k) ? 8u : 4u);
    needs->channels_bytes = pairs_of(k) * 2u * sizeof(dsp_channel);
    needs->scratch_bytes = quads_of(k) * 8u * block_pixels(k);
    return 1;
}

int groat_conv_s8_check_dsp(const groat_conv_s8 *k)
{
    const dsp_channel *c = k->channels;
    const dsp_channel *end = c + 2u * pairs_of(k);
    /* What the pairs of a layout must be, and what they may not be. */
    const int32_t needed = is_winograd(k) ? DSP_FAST : is_wide(k) ? 0 : DSP_RAW;
    const int32_t barred = is_winograd(k) ? DSP_SHORT : 0;
    int32_t run = 0; /* tags of fast pairs, which nothing but its own end stops */
    for (; c != end; c += 2) {
        int32_t tag = c[0].tag;
        int32_t last = c[1].tag;
        if ((tag & DSP_FAST) == 0) {
            if (run != 0 || is_winograd(k) || !dsp_channel_valid(&c[0], 0) || !dsp_channel_valid(&c[1], 0)) {
                return 0;
            }
            continue;
        }
        /* As dsp_channel_valid, with shifts of 1 to 31 seen in their bits: opening a model looks at every pair. */
        int32_t kind = tag & (DSP_FAST | DSP_SHORT);
        if ((run != 0 && kind != run) || (tag & (needed | barred)) != needed || ((tag | last) & 0xE0) != 0 ||
            (tag & 31) == 0 || (last & 31) == 0 || (c[0].multiplier | c[1].multiplier) < 0) {
            return 0;
        }
        run = last < 0 ? 0 : kind; /* dsp_ends_run */
    }
    /* A pair with one channel is never fast. */
    return run == 0 && (k->channels_out % 2u == 0 || (end[-2].tag & DSP_FAST) == 0);
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
    uint32_t bytes = (uint8_t)x[0];
    if (rest > 1) {
        uint16_t both;
        __builtin_memcpy(&both, x, sizeof(both));
        bytes = both;
    }
    return rest > 2 ? bytes | (uint32_t)(uint8_t)x[2] << 16 : bytes;
}

/* The bytes that each of three runs leaves, as in 3x3 filters over three channels or over one; inlined for both. */
static inline void widen_three(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t at, uint32_t pixels,
                               int32_t *panel, uint32_t rest)
{
    const int8_t *x = rows[0] + at;
    const int8_t *y = rows[1] + at;
    const int8_t *z = rows[2] + at;
    uint32_t step = k->pixel_stride;
    for (int32_t *end = panel + pixels; panel < end; panel++) {
        uint32_t a = load_rest(x, rest);
        uint32_t b = load_rest(y, rest);
        uint32_t c = load_rest(z, rest);
        if (rest == 1) {
            put_quad(panel, pixels, a | b << 8 | c << 16);
        } else {
            put_quad(panel, pixels, a | b << 24);
            put_quad(panel + 2u * pixels, pixels, b >> 8 | c << 16);
            put_quad(panel + 4u * pixels, pixels, c >> 16);
        }
        x += step;
        y += step;
        z += step;
    }
}

/* The bytes that each run leaves behind its last quad. */
static void widen_rest(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t first, uint32_t pixels,
                       int32_t *panel)
{
    uint32_t rest = k->run % 4u;
    uint32_t at = first * k->pixel_stride + k->run - rest;
    if (rest != 2 && k->rows == 3 && k->taps == 1) {
        if (rest == 1) {
            widen_three(k, rows, at, pixels, panel, 1);
        } else {
            widen_three(k, rows, at, pixels, panel, 3);
        }
        return;
    }
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

typedef int32_t *(*widen_kernel)(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads);

static const widen_kernel widens[MOST_PIXELS] = {groat_dsp_widen1, groat_dsp_widen2, groat_dsp_widen3};

static void widen(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t first, uint32_t pixels, int32_t *panel)
{
    uint32_t quads = k->run / 4u;
    if (quads > 0) {
        widen_kernel kernel = widens[pixels - 1u];
        uint32_t at = first * k->pixel_stride;
        for (const int8_t *const *end = rows + k->rows, *const *row = rows; row < end; row++) {
            const int8_t *x = *row + at;
            uint32_t taps = k->taps;
            do {
                panel = kernel(panel, x, k->pixel_stride, quads);
                x += k->tap_stride;
            } while (--taps > 0);
        }
    }
    if (k->run % 4u != 0) {
        widen_rest(k, rows, first, pixels, panel);
    }
}

/* Any pair of channels, the second of which may be missing. */
static void any_pair(const groat_conv_s8 *k, const dsp_block *b, uint32_t pixels, int missing)
{
    const dsp_channel *c = b->channels;
    int fast = (c->tag & DSP_FAST) != 0;
    int wide = is_wide(k);
    int raw = !wide && (c->tag & DSP_RAW) != 0;
    for (uint32_t p = 0; p < pixels; p++) {
        const int32_t *w = b->weights;
        int32_t s0 = 0;
        int32_t s1 = 0;
        for (const int32_t *x = b->panel + p; x < b->panel_end; w += wide ? 4 : 2, x += 2u * pixels) {
            if (wide) {
                s0 = __smlad(w[0], x[0], __smlad(w[2], x[pixels], s0));
                s1 = __smlad(w[1], x[0], __smlad(w[3], x[pixels], s1));
            } else if (raw) {
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

static const block_kernel blocks[HAS_WIDE ? 2 : 1][2][MOST_PIXELS] = {
    {{groat_dsp_block1, groat_dsp_block2, groat_dsp_block3},
     {groat_dsp_short_block1, groat_dsp_short_block2, groat_dsp_short_block3}},
#if HAS_WIDE
    {{groat_dsp_wide1, groat_dsp_wide2, groat_dsp_wide3},
     {groat_dsp_short_wide1, groat_dsp_short_wide2, groat_dsp_short_wide3}},
#endif
};

/* What computes a run that begins with this pair, in blocks of so many pixels. */
static block_kernel block_of(const groat_conv_s8 *k, const dsp_channel *first, uint32_t pixels)
{
    return blocks[is_wide(k)][(first->tag & DSP_SHORT) != 0][pixels - 1u];
}

/* Words of weights of a channel. */
static uint32_t words_of(const groat_conv_s8 *k, uint32_t quads)
{
    return is_wide(k) ? 2u * quads : quads;
}

/* Pairs from `b->channels` on, of runs of every kind. */
__attribute__((noinline)) static void multiply_runs(const groat_conv_s8 *k, dsp_block b, uint32_t pixels)
{
    const dsp_channel *channels = k->channels;
    const dsp_channel *end = channels + 2u * pairs_of(k);
    while (b.channels < end) {
        const dsp_channel *done = b.channels + 2;
        if ((b.channels->tag & DSP_FAST) != 0 && k->acc_offset == 0) {
            done = block_of(k, b.channels, pixels)(&b);
        } else {
            any_pair(k, &b, pixels, (uint32_t)(b.channels - channels) + 1u == k->channels_out);
        }
        b.weights += (uint32_t)(done - b.channels) * words_of(k, b.quads);
        b.out += done - b.channels;
        b.channels = done;
    }
}

void groat_conv_s8_dsp(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (is_winograd(k)) {
        if (is_winograd2(k)) {
            groat_dsp_winograd2(k, rows, out, pixels);
        } else {
            groat_dsp_winograd4(k, rows, out, pixels);
        }
        return;
    }
    const dsp_channel *channels = k->channels;
    uint32_t most = block_pixels(k);
    dsp_block b = {
        .panel = k->scratch,
        .channels = channels,
        .out = out,
        .out_stride = k->out_stride,
        .weights = k->weights,
        .quads = (uint32_t)quads_of(k),
    };
    for (uint32_t p = 0; p < pixels;) {
        uint32_t left = pixels - p;
        uint32_t count = left == 4 && most == 3 ? 2 : left < most ? left : most; /* 2 + 2 costs less than 3 + 1 */
        widen(k, rows, p, count, k->scratch);
        b.panel_end = b.panel + 2u * b.quads * count;
        if ((channels->tag & DSP_FAST) != 0 && k->acc_offset == 0) {
            /* Nearly always one run of pairs is all. */
            const dsp_channel *done = block_of(k, channels, count)(&b);
            uint32_t channels_done = (uint32_t)(done - channels);
            if (channels_done < k->channels_out) {
                dsp_block others = b;
                others.weights += channels_done * words_of(k, b.quads);
                others.out += channels_done;
                others.channels = done;
                multiply_runs(k, others, count);
            }
        } else {
            multiply_runs(k, b, count);
        }
        b.out += count * k->out_stride;
        p += count;
    }
}
