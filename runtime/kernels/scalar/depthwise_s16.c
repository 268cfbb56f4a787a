/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of int16 activations for cores without SIMD: a channel at a time, two pixels to each weight.
 * Layout 0 is the portable one; layout 1 is for a depth multiplier of 1 and sums that are proven to fit 32 bits
 * (python/groat/pack/layouts/narrow_s16.py), its weights lie channel after channel.
 */
#include "../kernels.h"
#include "../narrow_s16.h"
#include "../requantize.h"

int groat_depthwise_s16_needs_scalar(const groat_depthwise_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_depthwise_s16_needs_ref(k, needs);
    }
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->channels_in;
    needs->channels_bytes = (uint64_t)k->channels_in * sizeof(narrow_channel_s16);
    needs->scratch_bytes = 0;
    return k->layout == 1 && k->multiplier == 1;
}

int groat_depthwise_s16_check_scalar(const groat_depthwise_s16 *k)
{
    return k->layout == 0 ? groat_depthwise_s16_check_ref(k) : narrow_s16_valid(k->channels, k->channels_in);
}

/* One channel of one or two pixels; sums wrap, in case a damaged file has other weights than were proven. */
static inline __attribute__((always_inline)) void channel(const groat_depthwise_s16 *k, const int8_t *const *rows,
                                                          uint32_t offset, const int8_t *w, const narrow_channel_s16 *c,
                                                          int16_t *out, uint32_t pixels)
{
    uint32_t step = k->tap_stride;
    uint32_t next = k->pixel_stride;
    uint32_t first = (uint32_t)c->bias;
    uint32_t second = first;
    const int8_t *end = w;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int16_t *x = (const int16_t *)(const void *)rows[r] + offset;
        const int16_t *y = x + next;
        for (end += k->taps; w < end; w++, x += step, y += step) {
            first += (uint32_t)(*x * *w);
            if (pixels > 1) {
                second += (uint32_t)(*y * *w);
            }
        }
    }
    *out = (int16_t)groat_clamp(narrow_s16_scale((int32_t)first, c), k->act_min, k->act_max);
    if (pixels > 1) {
        int32_t scaled = narrow_s16_scale((int32_t)second, c);
        out[k->channels_in] = (int16_t)groat_clamp(scaled, k->act_min, k->act_max);
    }
}

void groat_depthwise_s16_scalar(const groat_depthwise_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_depthwise_s16_ref(k, rows, out, pixels);
        return;
    }
    const narrow_channel_s16 *c = k->channels;
    const int8_t *w = k->weights;
    for (uint32_t i = 0; i < k->channels_in; i++, w += k->rows * k->taps) {
        uint32_t p = 0;
        for (; p + 1 < pixels; p += 2) {
            channel(k, rows, p * k->pixel_stride + i, w, &c[i], out + p * k->channels_in + i, 2);
        }
        if (p < pixels) {
            channel(k, rows, p * k->pixel_stride + i, w, &c[i], out + p * k->channels_in + i, 1);
        }
    }
}
