/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling with the DSP extension: sums of four channels at a time, in halfwords for as long as they fit.
 */
#include "dsp.h"

enum {
    TAPS_THAT_FIT = 255
}; /* of int8 values in an int16 sum */

/* x + the bytes 0 and 2 of `bytes`, halfword by halfword. */
static inline int16x2_t add_bytes(int16x2_t x, int32_t bytes)
{
    return __sxtab16(x, bytes);
}

static inline int32_t rotated(int32_t x)
{
    return (int32_t)((uint32_t)x >> 8 | (uint32_t)x << 24);
}

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
        for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
            int32_t bytes = dsp_load(x);
            even = add_bytes(even, bytes);
            odd = add_bytes(odd, rotated(bytes));
            fit--;
            if (fit == 0 || (r == k->rows - 1u && t == k->taps - 1u)) {
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
