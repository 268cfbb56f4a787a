/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of int16 activations with Helium: eight products an instruction, summed in general
 * registers, two output channels by up to three pixels.  Layout 0 is the portable one; layout 1 is for layers whose
 * sums are proven to fit 32 bits (python/groat/pack/layouts/narrow_s16.py), and then four channels are scaled at once.
 */
#include <arm_mve.h>

#include "../kernels.h"

enum {
    TAPS = 8,
    CHANNELS = 4,   /* that are scaled at once */
    PIXELS = 3
};

/* Of four channels; see ../narrow_s16.h. */
typedef struct scales {
    int32_t bias[CHANNELS];
    int32_t multiplier[CHANNELS];   /* times 2^16: VMULH keeps the upper 32 bits of 64 */
    int32_t shift[CHANNELS];        /* -30 to -1: to the right */
} scales;

#define INLINE inline __attribute__((always_inline))

int groat_conv_s16_needs_mve(const groat_conv_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_conv_s16_needs_ref(k, needs);
    }
    uint64_t fours = (k->channels_out + 3ull) / CHANNELS;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * ((k->run + 7ull) / TAPS * TAPS) * fours * CHANNELS;
    needs->channels_bytes = fours * sizeof(scales);
    needs->scratch_bytes = 0;
    return k->layout == 1;
}

int groat_conv_s16_check_mve(const groat_conv_s16 *k)
{
    /* Whatever the constants of layout 1 hold, every instruction is defined. */
    return k->layout != 0 || groat_conv_s16_check_ref(k);
}

/* Eight taps of two channels meet eight inputs of each pixel. */
static INLINE void eight_taps(const int8_t *w, const int16x8_t x[PIXELS], uint32_t pixels, int32_t sums[2][PIXELS])
{
    int16x8_t first = vldrbq_s16(w);
    int16x8_t second = vldrbq_s16(w + TAPS);
    for (uint32_t p = 0; p < pixels; p++) {
        sums[0][p] = vmladavaq_s16(sums[0][p], first, x[p]);
        sums[1][p] = vmladavaq_s16(sums[1][p], second, x[p]);
    }
}

/* Two channels of `pixels` pixels over the whole window; returns the weights behind them. */
static INLINE const int8_t *window(const groat_conv_s16 *k, const int8_t *const *rows, uint32_t offset, const int8_t *w,
                                   uint32_t pixels, int32_t sums[2][PIXELS])
{
    mve_pred16_t rest = vctp16q(k->run % TAPS);
    for (uint32_t r = 0; r < k->rows; r++) {
        const int16_t *tap = (const int16_t *)(const void *)rows[r] + offset;
        for (uint32_t t = 0; t < k->taps; t++, tap += k->tap_stride) {
            const int16_t *a = tap;
            const int16_t *b = pixels > 1 ? a + k->pixel_stride : a;
            const int16_t *c = pixels > 2 ? b + k->pixel_stride : b;
            for (uint32_t i = k->run / TAPS; i > 0; i--, w += 2 * TAPS, a += TAPS, b += TAPS, c += TAPS) {
                const int16x8_t x[PIXELS] = {vldrhq_s16(a), vldrhq_s16(b), vldrhq_s16(c)};
                eight_taps(w, x, pixels, sums);
            }
            if (k->run % TAPS > 0) {
                const int16x8_t x[PIXELS] = {vldrhq_z_s16(a, rest), vldrhq_z_s16(b, rest), vldrhq_z_s16(c, rest)};
                eight_taps(w, x, pixels, sums);
                w += 2 * TAPS;
            }
        }
    }
    return w;
}

static INLINE void block(const groat_conv_s16 *k, const int8_t *const *rows, uint32_t offset, int16_t *out,
                         uint32_t pixels)
{
    const scales *s = k->channels;
    const int8_t *w = k->weights;
    int32x4_t low = vdupq_n_s32(k->act_min);
    int32x4_t high = vdupq_n_s32(k->act_max);
    for (uint32_t o = 0; o < k->channels_out; o += CHANNELS, s++) {
        int32_t columns[PIXELS][CHANNELS];
        for (uint32_t half = 0; half < CHANNELS; half += 2) {
            int32_t sums[2][PIXELS] = {{0}};
            w = window(k, rows, offset, w, pixels, sums);
            for (uint32_t p = 0; p < pixels; p++) {
                columns[p][half] = sums[0][p];
                columns[p][half + 1] = sums[1][p];
            }
        }
        int32x4_t bias = vldrwq_s32(s->bias);
        int32x4_t multiplier = vldrwq_s32(s->multiplier);
        int32x4_t shift = vldrwq_s32(s->shift);
        mve_pred16_t channels = vctp32q(k->channels_out - o);
        for (uint32_t p = 0; p < pixels; p++) {
            int32x4_t y = vaddq_s32(vldrwq_s32(columns[p]), bias);
            y = vrshlq_s32(vmulhq_s32(y, multiplier), shift);
            vstrhq_p_s32(out + p * k->out_stride + o, vminq_s32(vmaxq_s32(y, low), high), channels);
        }
    }
}

void groat_conv_s16_mve(const groat_conv_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_conv_s16_ref(k, rows, out, pixels);
        return;
    }
    uint32_t p = 0;
    for (; p + PIXELS <= pixels; p += PIXELS) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, PIXELS);
    }
    if (p + 1 < pixels) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, 2);
    } else if (p < pixels) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, 1);
    }
}
