/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling with the DSP extension: sums of four channels at a time, in halfwords for as long as they fit.
 */
#include "dsp.h"

enum {
    TAPS_THAT_FIT = 255
}; /* of int8 values in an int16 sum */

/* Sums of bytes 0 and 2, and of 1 and 3, of `taps` words `stride` bytes apart. */
#if GROAT_DSP_ASSEMBLY

#define TAP                           \
    "ldr r12, [%[x]]\n"               \
    "add %[x], %[stride]\n"           \
    "sxtab16 %[even], %[even], r12\n" \
    "sxtab16 %[odd], %[odd], r12, ror #8\n"

static inline const int8_t *add_taps(const int8_t *x, uint32_t stride, uint32_t taps, int16x2_t *even, int16x2_t *odd)
{
    int16x2_t e = *even;
    int16x2_t o = *odd;
    if (taps % 2u != 0) {
        __asm__ volatile(TAP : [x] "+r"(x), [even] "+r"(e), [odd] "+r"(o) : [stride] "r"(stride) : "r12", "memory");
    }
    for (taps /= 2u; taps > 0; taps--) {
        __asm__ volatile(TAP TAP : [x] "+r"(x), [even] "+r"(e), [odd] "+r"(o) : [stride] "r"(stride) : "r12", "memory");
    }
    *even = e;
    *odd = o;
    return x;
}

#else /* the same in C */

static const int8_t *add_taps(const int8_t *x, uint32_t stride, uint32_t taps, int16x2_t *even, int16x2_t *odd)
{
    for (; taps > 0; taps--, x += stride) {
        uint32_t bytes = (uint32_t)dsp_load(x);
        *even = __sxtab16(*even, (int32_t)bytes);
        *odd = __sxtab16(*odd, (int32_t)(bytes >> 8 | bytes << 24));
    }
    return x;
}

#endif

static void average(const groat_pool_s8 *k, int32_t sum, int32_t count, int8_t *out)
{
    /* Rounds half away from zero: division truncates. */
    int32_t y = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    *out = (int8_t)groat_clamp(y, k->act_min, k->act_max);
}

static void four_channels(const groat_pool_s8 *k, const int8_t *const *rows, uint32_t at, int8_t *out)
{
    int32_t sums[4] = {0, 0, 0, 0};
    int16x2_t even = 0;
    int16x2_t odd = 0;
    uint32_t fit = TAPS_THAT_FIT;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *x = rows[r] + at;
        for (uint32_t left = k->taps; left > 0;) {
            uint32_t taps = left < fit ? left : fit;
            x = add_taps(x, k->channels, taps, &even, &odd);
            left -= taps;
            fit -= taps;
            if (fit == 0 || (left == 0 && r == k->rows - 1u)) {
                sums[0] += (int16_t)even;
                sums[1] += (int16_t)odd;
                sums[2] += even >> 16;
                sums[3] += odd >> 16;
                even = 0;
                odd = 0;
                fit = TAPS_THAT_FIT;
            }
        }
    }
    for (uint32_t i = 0; i < 4; i++) {
        average(k, sums[i], (int32_t)(k->rows * k->taps), out + i);
    }
}

void groat_average_pool_s8_dsp(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (k->channels < 4) {
        groat_average_pool_s8_ref(k, rows, out, pixels);
        return;
    }
    for (uint32_t p = 0; p < pixels; p++, out += k->channels) {
        for (uint32_t c = 0; c < k->channels; c += 4) {
            /* The last four channels may overlap the ones before. */
            uint32_t from = c + 4u <= k->channels ? c : k->channels - 4u;
            four_channels(k, rows, p * k->pixel_stride + from, out + from);
        }
    }
}
