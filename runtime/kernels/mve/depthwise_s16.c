/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of int16 activations with Helium: eight channels in the lanes, their products in two vectors of
 * 32 bits, even and odd channels apart.  Layout 0 is the portable one; layout 1 is for a depth multiplier of 1 and sums
 * that are proven to fit 32 bits (python/groat/pack/layouts/narrow_s16.py).
 */
#include <arm_mve.h>

#include "../kernels.h"

enum {
    CHANNELS = 8
};

/* Of the even and of the odd channels of eight; see ../narrow_s16.h. */
typedef struct scales {
    int32_t bias[2][4];
    int32_t multiplier[2][4];   /* times 2^16 */
    int32_t shift[2][4];        /* -30 to -1: to the right */
} scales;

int groat_depthwise_s16_needs_mve(const groat_depthwise_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_depthwise_s16_needs_ref(k, needs);
    }
    uint64_t eights = (k->channels_in + 7ull) / CHANNELS;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * eights * CHANNELS;
    needs->channels_bytes = eights * sizeof(scales);
    needs->scratch_bytes = 0;
    return k->layout == 1 && k->multiplier == 1;
}

int groat_depthwise_s16_check_mve(const groat_depthwise_s16 *k)
{
    /* Whatever the constants of layout 1 hold, every instruction is defined. */
    return k->layout != 0 || groat_depthwise_s16_check_ref(k);
}

static inline int32x4_t scale(int32x4_t acc, const scales *s, uint32_t odd)
{
    return vrshlq_s32(vmulhq_s32(acc, vldrwq_s32(s->multiplier[odd])), vldrwq_s32(s->shift[odd]));
}

void groat_depthwise_s16_mve(const groat_depthwise_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_depthwise_s16_ref(k, rows, out, pixels);
        return;
    }
    int16x8_t low = vdupq_n_s16((int16_t)k->act_min);
    int16x8_t high = vdupq_n_s16((int16_t)k->act_max);
    const scales *s = k->channels;
    const int8_t *weights = k->weights;
    for (uint32_t o = 0; o < k->channels_in; o += CHANNELS, s++, weights += k->rows * k->taps * CHANNELS) {
        mve_pred16_t lanes = vctp16q(k->channels_in - o);
        for (uint32_t p = 0; p < pixels; p++) {
            int32x4_t even = vldrwq_s32(s->bias[0]);
            int32x4_t odd = vldrwq_s32(s->bias[1]);
            const int8_t *w = weights;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int16_t *x = (const int16_t *)(const void *)rows[r] + p * k->pixel_stride + o;
                for (uint32_t t = k->taps; t > 0; t--, x += k->tap_stride, w += CHANNELS) {
                    int16x8_t a = vldrhq_z_s16(x, lanes);
                    int16x8_t b = vldrbq_s16(w);
                    even = vaddq_s32(even, vmullbq_int_s16(a, b));
                    odd = vaddq_s32(odd, vmulltq_int_s16(a, b));
                }
            }
            int16x8_t y = vqmovnbq_s32(vuninitializedq_s16(), scale(even, s, 0));
            y = vqmovntq_s32(y, scale(odd, s, 1));
            vstrhq_p_s16(out + p * k->channels_in + o, vminq_s16(vmaxq_s16(y, low), high), lanes);
        }
    }
}
