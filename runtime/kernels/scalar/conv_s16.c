/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of int16 activations for cores without SIMD: four output channels by two pixels, so that
 * a load serves several products.  Layout 0 is the portable one; layout 1 is for layers whose sums are proven to fit
 * 32 bits (python/groat/pack/layouts/narrow_s16.py), its weights lie tap by tap for four channels.
 */
#include "../kernels.h"
#include "../narrow_s16.h"
#include "../requantize.h"

enum {
    CHANNELS = 4
};

int groat_conv_s16_needs_scalar(const groat_conv_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_conv_s16_needs_ref(k, needs);
    }
    uint64_t channels = (k->channels_out + 3ull) / CHANNELS * CHANNELS;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * channels;
    needs->channels_bytes = channels * sizeof(narrow_channel_s16);
    needs->scratch_bytes = 0;
    return k->layout == 1;
}

int groat_conv_s16_check_scalar(const groat_conv_s16 *k)
{
    if (k->layout == 0) {
        return groat_conv_s16_check_ref(k);
    }
    return narrow_s16_valid(k->channels, (k->channels_out + 3) / CHANNELS * CHANNELS);
}

/* All channels of one or two pixels; sums wrap, in case a damaged file has other weights than were proven. */
static inline __attribute__((always_inline)) void block(const groat_conv_s16 *k, const int8_t *const *rows,
                                                        uint32_t offset, int16_t *out, uint32_t pixels)
{
    const narrow_channel_s16 *c = k->channels;
    const int8_t *w = k->weights;
    for (uint32_t o = 0; o < k->channels_out; o += CHANNELS, c += CHANNELS) {
        uint32_t a0 = (uint32_t)c[0].bias, a1 = (uint32_t)c[1].bias, a2 = (uint32_t)c[2].bias, a3 = (uint32_t)c[3].bias;
        uint32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
        for (uint32_t r = 0; r < k->rows; r++) {
            const int16_t *tap = (const int16_t *)(const void *)rows[r] + offset;
            for (uint32_t t = 0; t < k->taps; t++, tap += k->tap_stride) {
                const int16_t *x = tap;
                const int16_t *y = pixels > 1 ? tap + k->pixel_stride : tap;
                for (const int16_t *end = x + k->run; x < end; x++, y++, w += CHANNELS) {
                    a0 += (uint32_t)(*x * w[0]);
                    a1 += (uint32_t)(*x * w[1]);
                    a2 += (uint32_t)(*x * w[2]);
                    a3 += (uint32_t)(*x * w[3]);
                    if (pixels > 1) {
                        b0 += (uint32_t)(*y * w[0]);
                        b1 += (uint32_t)(*y * w[1]);
                        b2 += (uint32_t)(*y * w[2]);
                        b3 += (uint32_t)(*y * w[3]);
                    }
                }
            }
        }
        const uint32_t sums[2][CHANNELS] = {{a0, a1, a2, a3}, {b0, b1, b2, b3}};
        for (uint32_t p = 0; p < pixels; p++) {
            for (uint32_t i = 0; i < CHANNELS && o + i < k->channels_out; i++) {
                int32_t y = narrow_s16_scale((int32_t)sums[p][i], &c[i]);
                out[p * k->out_stride + o + i] = (int16_t)groat_clamp(y, k->act_min, k->act_max);
            }
        }
    }
}

void groat_conv_s16_scalar(const groat_conv_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_conv_s16_ref(k, rows, out, pixels);
        return;
    }
    uint32_t p = 0;
    for (; p + 1 < pixels; p += 2) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, 2);
    }
    if (p < pixels) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, 1);
    }
}
