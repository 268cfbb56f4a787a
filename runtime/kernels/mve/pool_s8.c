/* SPDX-License-Identifier: Apache-2.0
 *
 * Average and maximum over a window of pixels, of many channels at a time.
 */
#include <arm_mve.h>

#include "scale.h"

/* Up to here a quotient is the upper half of a product with the rounded-up reciprocal: sums are below 128.5 * count,
 * so the reciprocal's error, below count / 2^32 of them, stays below a part of one in count. */
enum {
    MOST_BY_RECIPROCAL = 4096,
    MOST_IN_16_BITS = 256       /* so many elements add up to no more than 16 bits hold */
};

/* Rounds half away from zero: the sign is taken off and put back. */
static inline int16x8_t divide(int16x8_t sum, uint32_t count, uint32x4_t reciprocal)
{
    const int16x8_t sign = vshrq_n_s16(sum, 15);
    uint16x8_t size = vaddq_n_u16(vreinterpretq_u16_s16(vabsq_s16(sum)), (uint16_t)(count / 2));
    uint32x4_t even = vmulhq_u32(vmovlbq_u16(size), reciprocal), odd = vmulhq_u32(vmovltq_u16(size), reciprocal);
    size = vmovntq_u32(vmovnbq_u32(size, even), odd);
    return vsubq_s16(veorq_s16(vreinterpretq_s16_u16(size), sign), sign);
}

/* Eight channels of which there may be less. */
static inline int16x8_t sum_eight(const groat_pool_s8 *k, const int8_t *const *rows, uint32_t offset,
                                  mve_pred16_t lanes)
{
    const uint32_t channels = k->channels;
    int16x8_t sum = vdupq_n_s16(0);
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *x = rows[r] + offset;
        for (uint32_t t = k->taps; t > 0; t--, x += channels) {
            sum = vaddq_s16(sum, vldrbq_z_s16(x, lanes));
        }
    }
    return sum;
}

static void average_in_16_bits(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const uint32_t channels = k->channels, count = k->rows * k->taps;
    const int16x8_t low = vdupq_n_s16(k->act_min), high = vdupq_n_s16(k->act_max);
    const uint32x4_t reciprocal = vdupq_n_u32(UINT32_MAX / count + 1);
    for (uint32_t p = 0; p < pixels; p++, out += channels) {
        const uint32_t offset = p * k->pixel_stride;
        uint32_t c = 0;
        for (; c + 16 <= channels; c += 16) {
            int16x8_t a = vdupq_n_s16(0), b = a;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int8_t *x = rows[r] + offset + c;
                for (uint32_t t = k->taps; t > 0; t--, x += channels) {
                    a = vaddq_s16(a, vldrbq_s16(x));
                    b = vaddq_s16(b, vldrbq_s16(x + 8));
                }
            }
            vstrbq_s16(out + c, vminq_s16(vmaxq_s16(divide(a, count, reciprocal), low), high));
            vstrbq_s16(out + c + 8, vminq_s16(vmaxq_s16(divide(b, count, reciprocal), low), high));
        }
        for (; c < channels; c += 8) {
            const mve_pred16_t lanes = vctp16q(channels - c);
            int16x8_t a = divide(sum_eight(k, rows, offset + c, lanes), count, reciprocal);
            vstrbq_p_s16(out + c, vminq_s16(vmaxq_s16(a, low), high), lanes);
        }
    }
}

static inline int32x4_t sum_window(const groat_pool_s8 *k, const int8_t *const *rows, uint32_t offset,
                                   mve_pred16_t lanes)
{
    const uint32_t taps = k->taps, channels = k->channels;
    int32x4_t sum = vdupq_n_s32(0);
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *x = rows[r] + offset;
        for (uint32_t t = 0; t < taps; t++, x += channels) {
            sum = vaddq_s32(sum, vldrbq_z_s32(x, lanes));
        }
    }
    return sum;
}

void groat_average_pool_s8_mve(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const uint32_t count = k->rows * k->taps, channels = k->channels;
    if (count == 1) {
        groat_max_pool_s8_mve(k, rows, out, pixels);
        return;
    }
    if (count <= MOST_IN_16_BITS) {
        average_in_16_bits(k, rows, out, pixels);
        return;
    }
    if (count > MOST_BY_RECIPROCAL) {
        groat_average_pool_s8_ref(k, rows, out, pixels);
        return;
    }
    const int32x4_t low = vdupq_n_s32(k->act_min), high = vdupq_n_s32(k->act_max);
    const uint32x4_t reciprocal = vdupq_n_u32(UINT32_MAX / count + 1);
    for (uint32_t p = 0; p < pixels; p++, out += channels) {
        for (uint32_t c = 0; c < channels; c += 4) {
            const mve_pred16_t lanes = vctp32q(channels - c);
            int32x4_t sum = sum_window(k, rows, p * k->pixel_stride + c, lanes);
            /* Rounds half away from zero: the sign is taken off and put back. */
            int32x4_t sign = vshrq_n_s32(sum, 31);
            uint32x4_t size = vreinterpretq_u32_s32(vaddq_n_s32(vabsq_s32(sum), (int32_t)(count / 2)));
            int32x4_t y = vreinterpretq_s32_u32(vmulhq_u32(size, reciprocal));
            y = vsubq_s32(veorq_s32(y, sign), sign);
            vstrbq_p_s32(out + c, vminq_s32(vmaxq_s32(y, low), high), lanes);
        }
    }
}

void groat_max_pool_s8_mve(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const int8x16_t low = vdupq_n_s8((int8_t)k->act_min), high = vdupq_n_s8((int8_t)k->act_max);
    const uint32_t taps = k->taps, channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++, out += channels) {
        for (uint32_t c = 0; c < channels; c += 16) {
            const mve_pred16_t lanes = vctp8q(channels - c);
            int8x16_t y = low;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int8_t *x = rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < taps; t++, x += channels) {
                    y = vmaxq_s8(y, vldrbq_z_s8(x, lanes));
                }
            }
            vstrbq_p_s8(out + c, vminq_s8(y, high), lanes);
        }
    }
}
