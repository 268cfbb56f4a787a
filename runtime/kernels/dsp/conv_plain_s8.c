/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with weights that change: packed in scratch as layout 0 of conv_s8 has them.
 *
 * What a packer proves of weights that stay is shown here by sums of their magnitudes, pair by pair: where no input can
 * carry a sum too far, weights are raw halfwords, and requantisation goes the short way.
 */
#include "dsp.h"

enum {
    LARGEST_INPUT = 128,
    RAW_LIMIT = 1 << 23, /* of the second channel's sum beside the first's */
    SUM_LIMIT = 1 << 30  /* of an accumulator that is doubled */
};

static uint32_t terms_of(const groat_conv_s8 *k)
{
    return k->rows * k->taps * k->run;
}

static uint64_t words_of_pair(const groat_conv_s8 *k)
{
    return ((uint64_t)k->rows * k->taps * k->run + 3u) / 4u * 2u;
}

static uint32_t pairs_of(const groat_conv_s8 *k)
{
    return (k->channels_out + 1u) / 2u;
}

int groat_conv_plain_s8_needs_dsp(const groat_conv_s8 *k, groat_needs *needs)
{
    groat_conv_s8 packed = *k;
    packed.layout = 0;
    groat_conv_s8_needs_dsp(&packed, needs);
    const uint64_t scratch = needs->scratch_bytes;
    groat_conv_s8_needs_ref(k, needs);
    needs->scratch_bytes = scratch + pairs_of(k) * (2 * sizeof(dsp_channel) + words_of_pair(k) * 4u);
    return 1;
}

/* What is known of a channel's weights. */
typedef struct magnitudes {
    uint32_t sum;
    uint32_t lowest; /* not 0 if one of them is -128, which raw halfwords do not hold */
} magnitudes;

static inline void look_at(magnitudes *m, uint32_t word)
{
    const uint32_t moved = word ^ 0x80808080u; /* from 0 on */
    m->sum = __usada8(moved, 0x80808080u, m->sum);
    m->lowest |= (moved - 0x01010101u) & ~moved & 0x80808080u; /* a byte that is 0 */
}

/* A channel's bytes in the order of the panel, four to a word, in every second word. */
static magnitudes pack_channel(const groat_conv_s8 *k, const int8_t *w, uint32_t *to)
{
    const uint32_t runs = k->rows * k->taps, whole = k->run / 4u, rest = k->run % 4u;
    magnitudes m = {0, 0};
    for (uint32_t r = 0; r < runs; r++) {
        const int8_t *from = w + r * k->run;
        for (uint32_t q = 0; q < whole; q++, from += 4, to += 2) {
            *to = (uint32_t)dsp_load(from);
            look_at(&m, *to);
        }
    }
    uint32_t word = 0, filled = 0;
    for (uint32_t r = 0; rest > 0 && r < runs; r++) {
        const int8_t *from = w + r * k->run + whole * 4u;
        for (uint32_t i = 0; i < rest; i++) {
            word |= (uint32_t)(uint8_t)from[i] << (8u * filled++);
            if (filled == 4) {
                *to = word;
                look_at(&m, word);
                to += 2;
                word = filled = 0;
            }
        }
    }
    if (filled > 0) {
        *to = word;
        look_at(&m, word);
    }
    return m;
}

/* Words of the two channels become raw halfwords. */
static void make_raw(uint32_t *words, uint32_t count)
{
    for (const uint32_t *end = words + count; words < end; words += 2) {
        const int32_t first = (int32_t)words[0], second = (int32_t)words[1];
        words[0] = (uint32_t)__sadd16(__sxtb16(first), (int32_t)(((uint32_t)second & 0x00FF00FFu) << 8));
        words[1] = (uint32_t)__sadd16(dsp_odd_bytes(first), (int32_t)((uint32_t)second & 0xFF00FF00u));
    }
}

/* Whether a channel may be requantised the short way. */
static int is_fast(const groat_conv_s8 *k, const groat_channel *c, uint64_t largest)
{
    const int64_t bias = c->bias;
    const uint64_t sum = largest + (uint64_t)(bias < 0 ? -bias : bias);
    if (c->shift > -1 || sum >= SUM_LIMIT) {
        return 0;
    }
    const uint32_t right = (uint32_t)-c->shift;
    const int64_t offset = k->output_zero_point * ((int64_t)1 << right) + ((int64_t)1 << (right - 1u));
    const uint64_t product = (sum * (uint32_t)c->multiplier >> 31) + 2u;
    return product + (uint64_t)(offset < 0 ? -offset : offset) < (uint64_t)1 << 31;
}

static dsp_channel constants_of(const groat_conv_s8 *k, const groat_channel *c, int fast)
{
    if (!fast) {
        return (dsp_channel){c->bias, c->multiplier, 0, c->shift & 0xFF};
    }
    const uint32_t right = (uint32_t)-c->shift;
    const int32_t offset = (int32_t)(((uint32_t)k->output_zero_point << right) + (1u << (right - 1u)));
    return (dsp_channel){2 * c->bias, c->multiplier, offset, (int32_t)right};
}

/* Two channels; returns whether they are fast. */
static int pack_pair(const groat_conv_s8 *k, const groat_channel *from, const int8_t *w, uint32_t *to, dsp_channel *out)
{
    const uint32_t words = (uint32_t)words_of_pair(k);
    const magnitudes first = pack_channel(k, w, to), second = pack_channel(k, w + terms_of(k), to + 1);
    const uint64_t largest[2] = {(uint64_t)LARGEST_INPUT * first.sum, (uint64_t)LARGEST_INPUT * second.sum};
    const int raw = largest[1] < RAW_LIMIT && second.lowest == 0;
    const int full_range = k->act_min == INT8_MIN && k->act_max == INT8_MAX;
    const int fast = raw && full_range && is_fast(k, &from[0], largest[0]) && is_fast(k, &from[1], largest[1]);
    for (uint32_t c = 0; c < 2; c++) {
        out[c] = constants_of(k, &from[c], fast);
    }
    if (raw) {
        make_raw(to, words);
        out[0].tag |= fast ? DSP_RAW | DSP_FAST : DSP_RAW;
    }
    return fast;
}

/* The last channel of an odd number, beside one whose outputs go nowhere. */
static void pack_last(const groat_conv_s8 *k, const groat_channel *from, const int8_t *w, uint32_t *to,
                      dsp_channel *out)
{
    pack_channel(k, w, to);
    for (uint32_t i = 1; i < words_of_pair(k); i += 2) {
        to[i] = 0;
    }
    out[0] = constants_of(k, from, 0);
    out[1] = (dsp_channel){0, 0, 0, 0};
}

void groat_conv_plain_s8_begin_dsp(groat_conv_s8 *k)
{
    const groat_channel *from = k->channels;
    const int8_t *w = k->weights;
    const uint32_t words = (uint32_t)words_of_pair(k), pairs = pairs_of(k);
    dsp_channel *channels = k->scratch;
    uint32_t *packed = (uint32_t *)(channels + 2 * pairs);
    int before = 0; /* whether the pair before is fast */
    for (uint32_t c = 0; c < k->channels_out; c += 2) {
        uint32_t *to = packed + c / 2u * words;
        int fast = 0;
        if (c + 1 < k->channels_out) {
            fast = pack_pair(k, from + c, w + c * terms_of(k), to, channels + c);
        } else {
            pack_last(k, from + c, w + c * terms_of(k), to, channels + c);
        }
        if (before && !fast) {
            channels[c - 1].tag |= INT32_MIN;
        }
        before = fast;
    }
    if (before) {
        channels[2 * pairs - 1].tag |= INT32_MIN;
    }
    k->weights = packed;
    k->channels = channels;
    k->layout = 0;
    k->scratch = packed + pairs * words;
}

void groat_conv_plain_s8_dsp(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8_dsp(k, rows, out, pixels);
}
