/* SPDX-License-Identifier: Apache-2.0
 *
 * See oracle.h.
 */
#include "oracle.h"

/* ---- Fixed point --------------------------------------------------------------------------------- */

static const int64_t TWO_31 = (int64_t)1 << 31;

/* 2^exponent; exponent 0 to 62. */
static int64_t power(int32_t exponent)
{
    return (int64_t)1 << exponent;
}

static int64_t wrap(int64_t x)
{
    int64_t rest = x % (2 * TWO_31);
    if (rest < -TWO_31) {
        rest += 2 * TWO_31;
    }
    return rest >= TWO_31 ? rest - 2 * TWO_31 : rest;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    if (x > high) {
        x = high;
    }
    return x < low ? low : x;
}

static int64_t saturate(int64_t x)
{
    return clamp(x, -TWO_31, TWO_31 - 1);
}

/* gemmlowp's SaturatingRoundingDoublingHighMul: C's division truncates, and the nudge makes that a rounding. */
static int64_t high_product(int64_t a, int64_t b)
{
    int64_t product = a * b;
    int64_t nudge = product >= 0 ? power(30) : 1 - power(30);
    return saturate((product + nudge) / TWO_31);
}

/* To the nearest, halves away from zero: of the magnitude, then the sign again. */
static int64_t round_quotient(int64_t x, int64_t divisor)
{
    int64_t magnitude = x < 0 ? -x : x;
    int64_t quotient = (2 * magnitude + divisor) / (2 * divisor);
    return x < 0 ? -quotient : quotient;
}

static int64_t requantize(int64_t x, int64_t multiplier, int32_t shift)
{
    int64_t shifted = shift > 0 ? wrap(x * power(shift)) : x;
    int64_t high = high_product(shifted, multiplier);
    return shift < 0 ? round_quotient(high, power(-shift)) : high;
}

static int8_t finish(int64_t y, int64_t zero_point, int64_t low, int64_t high)
{
    return (int8_t)clamp(wrap(y + zero_point), low, high);
}

/* ---- What filters need ---------------------------------------------------------------------------- */

static int needs_of(uint64_t weights, uint64_t channels, uint32_t layout, groat_needs *needs)
{
    needs->weights_bytes = weights;
    needs->channels_bytes = 12 * channels;
    needs->scratch_bytes = 0;
    return layout == 0;
}

int oracle_conv_s8_needs(const groat_conv_s8 *k, groat_needs *needs)
{
    uint64_t filter = (uint64_t)k->rows * k->taps * k->run;
    return needs_of(filter * k->channels_out, k->channels_out, k->layout, needs);
}

int oracle_depthwise_s8_needs(const groat_depthwise_s8 *k, groat_needs *needs)
{
    uint64_t channels_out = (uint64_t)k->channels_in * k->multiplier;
    return needs_of(channels_out * k->rows * k->taps, channels_out, k->layout, needs);
}

static int are_valid(const groat_channel *channels, uint64_t count)
{
    int valid = 1;
    for (uint64_t i = 0; i < count; i++) {
        valid = valid && channels[i].multiplier >= 0 && channels[i].shift >= -31 && channels[i].shift <= 30;
    }
    return valid;
}

int oracle_conv_s8_check(const groat_conv_s8 *k)
{
    return are_valid(k->channels, k->channels_out);
}

int oracle_depthwise_s8_check(const groat_depthwise_s8 *k)
{
    return are_valid(k->channels, (uint64_t)k->channels_in * k->multiplier);
}

/* ---- Filters ------------------------------------------------------------------------------------- */

void oracle_conv_s8(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const int8_t *weights = k->weights;
    const groat_channel *channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t o = 0; o < k->channels_out; o++) {
            int64_t sum = (int64_t)channels[o].bias + k->acc_offset;
            for (uint32_t r = 0; r < k->rows; r++) {
                for (uint32_t t = 0; t < k->taps; t++) {
                    for (uint32_t i = 0; i < k->run; i++) {
                        int64_t x = rows[r][p * k->pixel_stride + t * k->tap_stride + i];
                        int64_t w = weights[((o * k->rows + r) * k->taps + t) * k->run + i];
                        sum += x * w;
                    }
                }
            }
            int64_t y = requantize(wrap(sum), channels[o].multiplier, channels[o].shift);
            out[p * k->out_stride + o] = finish(y, k->output_zero_point, k->act_min, k->act_max);
        }
    }
}

void oracle_depthwise_s8(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t channels_out = k->channels_in * k->multiplier;
    const int8_t *weights = k->weights;
    const groat_channel *channels = k->channels;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t o = 0; o < channels_out; o++) {
            int64_t sum = channels[o].bias;
            for (uint32_t r = 0; r < k->rows; r++) {
                for (uint32_t t = 0; t < k->taps; t++) {
                    int64_t x = rows[r][p * k->pixel_stride + t * k->tap_stride + o / k->multiplier];
                    int64_t w = weights[(r * k->taps + t) * channels_out + o];
                    sum += x * w;
                }
            }
            int64_t y = requantize(wrap(sum), channels[o].multiplier, channels[o].shift);
            out[p * channels_out + o] = finish(y, k->output_zero_point, k->act_min, k->act_max);
        }
    }
}

/* ---- Pools --------------------------------------------------------------------------------------- */

void oracle_average_pool_s8(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    for (uint32_t i = 0; i < pixels * k->channels; i++) {
        uint32_t start = i / k->channels * k->pixel_stride + i % k->channels;
        int64_t sum = 0;
        for (uint32_t tap = 0; tap < k->rows * k->taps; tap++) {
            sum += rows[tap / k->taps][start + tap % k->taps * k->channels];
        }
        out[i] = finish(round_quotient(sum, (int64_t)k->rows * k->taps), 0, k->act_min, k->act_max);
    }
}

void oracle_max_pool_s8(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    for (uint32_t i = 0; i < pixels * k->channels; i++) {
        uint32_t start = i / k->channels * k->pixel_stride + i % k->channels;
        int64_t largest = rows[0][start];
        for (uint32_t tap = 1; tap < k->rows * k->taps; tap++) {
            int64_t x = rows[tap / k->taps][start + tap % k->taps * k->channels];
            largest = x > largest ? x : largest;
        }
        out[i] = finish(largest, 0, k->act_min, k->act_max);
    }
}

/* ---- Elementwise --------------------------------------------------------------------------------- */

void oracle_add_s8(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                   int8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t x = wrap((a[i * a_step] - k->a_zero_point) * power(k->left_shift));
        int64_t y = wrap((b[i * b_step] - k->b_zero_point) * power(k->left_shift));
        x = requantize(x, k->a_multiplier, k->a_shift);
        y = requantize(y, k->b_multiplier, k->b_shift);
        int64_t sum = requantize(wrap(x + y), k->output_multiplier, k->output_shift);
        out[i] = finish(sum, k->output_zero_point, k->act_min, k->act_max);
    }
}

void oracle_lut_8(const uint8_t *table, const uint8_t *in, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = *(table + *(in + i));
    }
}

/* gemmlowp's one_over_one_plus_x_for_x_in_0_1, with its saturations: one is 2^31 - 1, as Q31 has no 1. */
static int64_t reciprocal_of_one_plus(int64_t x)
{
    int64_t half_denominator = (x + (TWO_31 - 1) + 1) / 2;
    int64_t y = 1515870810 + high_product(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++) {
        int64_t error = power(29) - high_product(half_denominator, y);
        y = saturate(y + saturate(4 * high_product(y, error)));
    }
    return saturate(2 * y);
}

void oracle_softmax_s8(const int32_t *table, uint32_t table_count, const int8_t *in, int8_t *out, uint32_t count)
{
    int64_t largest = in[0];
    for (uint32_t i = 1; i < count; i++) {
        largest = in[i] > largest ? in[i] : largest;
    }
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t difference = largest - in[i];
        sum += difference < table_count ? round_quotient(table[difference], power(12)) : 0;
    }
    int32_t leading_zeros = 0;
    while (sum * power(leading_zeros) < TWO_31) {
        leading_zeros++;
    }
    int64_t factor = reciprocal_of_one_plus(sum * power(leading_zeros) - TWO_31);
    int32_t shift = 35 - leading_zeros;
    for (uint32_t i = 0; i < count; i++) {
        int64_t difference = largest - in[i];
        int64_t y = 0;
        if (difference < table_count) {
            y = round_quotient(high_product(factor, table[difference]), power(shift));
        }
        out[i] = finish(y, INT8_MIN, INT8_MIN, INT8_MAX);
    }
}
