/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of int16 activations with the DSP extension: four channels side by side, so that a word of
 * weights and two of inputs serve four products.  Layout 0 is the portable one; layout 1 is for a depth multiplier of 1
 * and sums that are proven to fit 32 bits (python/groat/pack/layouts/narrow_s16.py).
 */
#include "../narrow_s16.h"
#include "dsp.h"

enum {
    CHANNELS = 4
};

int groat_depthwise_s16_needs_dsp(const groat_depthwise_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_depthwise_s16_needs_ref(k, needs);
    }
    uint64_t channels = (k->channels_in + 3ull) / CHANNELS * CHANNELS;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * channels;
    needs->channels_bytes = channels * sizeof(narrow_channel_s16);
    needs->scratch_bytes = 0;
    return k->layout == 1 && k->multiplier == 1;
}

int groat_depthwise_s16_check_dsp(const groat_depthwise_s16 *k)
{
    if (k->layout == 0) {
        return groat_depthwise_s16_check_ref(k);
    }
    return narrow_s16_valid(k->channels, (k->channels_in + 3) / CHANNELS * CHANNELS);
}

static inline int16_t finish(const groat_depthwise_s16 *k, int32_t acc, const narrow_channel_s16 *c)
{
    int32_t y = __smlawb(acc, c->multiplier, c->half) >> c->shift;
    return (int16_t)groat_clamp(y, k->act_min, k->act_max);
}

/* Four channels of one pixel; `first` is the first of them. */
static void four(const groat_depthwise_s16 *k, const int8_t *const *rows, uint32_t first, const int32_t *w,
                 const narrow_channel_s16 *c, int16_t *out)
{
    int32_t a = c[0].bias, b = c[1].bias, d = c[2].bias, e = c[3].bias;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int16_t *x = (const int16_t *)(const void *)rows[r] + first;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
            int32_t word = *w++;
            int32_t even = __sxtb16(word);
            int32_t odd = dsp_odd_bytes(word);
            int32_t low = dsp_load(x);
            int32_t high = dsp_load(x + 2);
            a = __smlabb(low, even, a);
            b = __smlatb(low, odd, b);
            d = __smlabt(high, even, d);
            e = __smlatt(high, odd, e);
        }
    }
    out[0] = finish(k, a, &c[0]);
    out[1] = finish(k, b, &c[1]);
    out[2] = finish(k, d, &c[2]);
    out[3] = finish(k, e, &c[3]);
}

/* What is over of four. */
static void one(const groat_depthwise_s16 *k, const int8_t *const *rows, uint32_t first, const int8_t *w,
                const narrow_channel_s16 *c, int16_t *out)
{
    uint32_t acc = (uint32_t)c->bias;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int16_t *x = (const int16_t *)(const void *)rows[r] + first;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += CHANNELS) {
            acc += (uint32_t)(*x * *w);
        }
    }
    *out = finish(k, (int32_t)acc, c);
}

void groat_depthwise_s16_dsp(const groat_depthwise_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_depthwise_s16_ref(k, rows, out, pixels);
        return;
    }
    uint32_t words = k->rows * k->taps;
    for (uint32_t p = 0; p < pixels; p++, out += k->channels_in) {
        const narrow_channel_s16 *c = k->channels;
        const int32_t *w = k->weights;
        uint32_t start = p * k->pixel_stride;
        uint32_t o = 0;
        for (; o + CHANNELS <= k->channels_in; o += CHANNELS, c += CHANNELS, w += words) {
            four(k, rows, start + o, w, c, out + o);
        }
        for (uint32_t i = 0; o + i < k->channels_in; i++) {
            one(k, rows, start + o + i, (const int8_t *)w + i, &c[i], out + o + i);
        }
    }
}
