/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels with one mistake each, of the kind that a new variant may have; checkkernel must find every one, in whatever
 * kernel set it is built with.  Each is a row of the list below; casefile.py chooses one by its number.
 */
#ifndef MUTANTS_H
#define MUTANTS_H

#include "runtime/kernels/requantize.h"

/* Kernel and mistake. */
#define MUTANTS(M)                                \
    M(conv_s8, forgets_last_pixel)                \
    M(conv_s8, forgets_last_of_run)               \
    M(conv_s8, ignores_tap_gap)                   \
    M(conv_s8, forgets_offset)                    \
    M(conv_s8, writes_too_far)                    \
    M(conv_s8, reads_too_far)                     \
    M(conv_s8, writes_behind_scratch)             \
    M(conv_s8, changes_weights)                   \
    M(conv_s8, takes_next_row)                    \
    M(conv_s8_needs, knows_all)                   \
    M(conv_s8_needs, forgets_a_channel)           \
    M(conv_s8_needs, overflows)                   \
    M(conv_s8_check, refuses)                     \
    M(conv_s8_check, skips_last)                  \
    M(depthwise_s8, mixes_channels)               \
    M(depthwise_s8, rounds_up)                    \
    M(depthwise_s8, reads_too_far)                \
    M(depthwise_s8_needs, overflows)              \
    M(depthwise_s8_check, accepts)                \
    M(average_pool_s8, truncates)                 \
    M(max_pool_s8, starts_at_zero)                \
    M(add_s8, ignores_step)                       \
    M(add_s8, clobbers_input)                     \
    M(add_s8, does_some_twice)                    \
    M(matvec_s8, forgets_sums)                    \
    M(lut_8, skips_tail)                          \
    M(lut_8, indexes_signed)                      \
    M(softmax_s8, reads_past_table)               \
    M(softmax_s8, clobbers_table)                 \
    M(conv_s16, forgets_last_of_run)              \
    M(conv_s16_needs, knows_all)                  \
    M(conv_s16_check, accepts)                    \
    M(depthwise_s16, mixes_channels)              \
    M(depthwise_s16_needs, overflows)             \
    M(depthwise_s16_check, accepts)               \
    M(average_pool_s16, takes_less)               \
    M(max_pool_s16, starts_at_zero)               \
    M(add_s16, ignores_step)                      \
    M(softmax_s16, forgets_shift)                 \
    M(conv_f32, forgets_last_of_run)              \
    M(conv_f32, adds_the_bias_first)              \
    M(conv_f32_needs, knows_all)                  \
    M(conv_f32_needs, overflows)                  \
    M(depthwise_f32, mixes_channels)              \
    M(depthwise_f32_needs, overflows)             \
    M(average_pool_f32, takes_less)               \
    M(max_pool_f32, starts_at_zero)               \
    M(add_f32, forgets_clamp)                     \
    M(mul_f32, ignores_step)                      \
    M(softmax_f32, forgets_beta)                  \
    M(conv_weight_grad_f32, reads_what_was)       \
    M(conv_weight_grad_f32, adds_once)            \
    M(conv_input_grad_f32, fills_gaps)            \
    M(conv_input_grad_f16, forgets_a_channel)     \
    M(depthwise_weight_grad_f16, mixes_channels)  \
    M(depthwise_input_grad_f32, ignores_dilation) \
    M(finite_f32, skips_last)                     \
    M(clamp_grad_f32, passes_at_limit)            \
    M(clamp_mask_f16, fills_last_byte)            \
    M(clamp_grad_mask_f32, passes_eighths)        \
    M(sgd_f32, forgets_decay)                     \
    M(sgd_f16, overflows)                         \
    M(conv_f16, forgets_last_of_run)              \
    M(depthwise_f16, mixes_channels)              \
    M(add_f16, truncates)

/* ---- Filters ------------------------------------------------------------------------------------- */

/* As a kernel for several pixels at once, of which some are left. */
static void conv_s8_forgets_last_pixel(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.conv_s8(k, rows, out, pixels > 4 && pixels % 4 == 3 ? pixels - 1 : pixels);
}

/* As a vector kernel whose last, partial vector is lost. */
static void conv_s8_forgets_last_of_run(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8 wrong = *k;
    if (k->rows == 1 && k->taps == 1 && k->run % 4 == 1) {
        wrong.run--;
    }
    groat_kernels.conv_s8(&wrong, rows, out, pixels);
}

static void conv_s8_ignores_tap_gap(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8 wrong = *k;
    wrong.tap_stride = k->run;
    groat_kernels.conv_s8(&wrong, rows, out, pixels);
}

static void conv_s8_forgets_offset(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8 wrong = *k;
    wrong.acc_offset = 0;
    groat_kernels.conv_s8(&wrong, rows, out, pixels);
}

static void conv_s8_writes_too_far(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.conv_s8(k, rows, out, pixels);
    out[(pixels - 1) * k->out_stride + k->channels_out] ^= 1;
}

/* The byte behind the last of the first row. */
static void conv_s8_reads_too_far(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.conv_s8(k, rows, out, pixels);
    const uint32_t length = (pixels - 1) * k->pixel_stride + (k->taps - 1) * k->tap_stride + k->run;
    (void)*(const volatile int8_t *)(rows[0] + length);
}

static void conv_s8_writes_behind_scratch(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out,
                                          uint32_t pixels)
{
    groat_needs needs;
    groat_kernels.conv_s8(k, rows, out, pixels);
    groat_kernels.conv_s8_needs(k, &needs);
    if (needs.scratch_bytes > 0) {
        ((uint8_t *)k->scratch)[needs.scratch_bytes] ^= 1;
    } else {
        out[-1] ^= 1;
    }
}

static void conv_s8_changes_weights(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.conv_s8(k, rows, out, pixels);
    ((uint8_t *)(uintptr_t)k->weights)[0] ^= 1;
}

/* As if rows lay one behind the other. */
static void conv_s8_takes_next_row(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const int8_t *same[8];
    for (uint32_t r = 0; r < k->rows && r < 8; r++) {
        same[r] = rows[r == 2 ? 1 : r];
    }
    groat_kernels.conv_s8(k, k->rows <= 8 ? same : rows, out, pixels);
}

static int conv_s8_needs_knows_all(const groat_conv_s8 *k, groat_needs *needs)
{
    groat_kernels.conv_s8_needs(k, needs);
    return 1;
}

static int conv_s8_needs_forgets_a_channel(const groat_conv_s8 *k, groat_needs *needs)
{
    groat_conv_s8 wrong = *k;
    wrong.channels_out = k->channels_out > 8 ? k->channels_out - 8 : k->channels_out;
    return groat_kernels.conv_s8_needs(&wrong, needs);
}

static int conv_s8_needs_overflows(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = groat_kernels.conv_s8_needs(k, needs);
    needs->weights_bytes = (uint32_t)needs->weights_bytes;
    return known;
}

/* What is valid too. */
static int conv_s8_check_refuses(const groat_conv_s8 *k)
{
    return k->channels_out % 2 == 0 && groat_kernels.conv_s8_check(k);
}

static int conv_s8_check_skips_last(const groat_conv_s8 *k)
{
    groat_conv_s8 wrong = *k;
    wrong.channels_out = (k->channels_out - 1) / 4 * 4;
    return wrong.channels_out == 0 || groat_kernels.conv_s8_check(&wrong);
}

static void depthwise_s8_mixes_channels(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out,
                                        uint32_t pixels)
{
    groat_kernels.depthwise_s8(k, rows, out, pixels);
    if (k->channels_in > 16) {
        int8_t first = out[0];
        out[0] = out[16];
        out[16] = first;
    }
}

/* One more where the last bit is set, now and then: a rounding gone wrong. */
static void depthwise_s8_rounds_up(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.depthwise_s8(k, rows, out, pixels);
    for (uint32_t i = 0; i < pixels * k->channels_in * k->multiplier; i++) {
        out[i] += (out[i] & 15) == 5 && out[i] < k->act_max;
    }
}

static void depthwise_s8_reads_too_far(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out,
                                       uint32_t pixels)
{
    groat_kernels.depthwise_s8(k, rows, out, pixels);
    const uint32_t length = (pixels - 1) * k->pixel_stride + (k->taps - 1) * k->tap_stride + k->channels_in;
    (void)*(const volatile int8_t *)(rows[k->rows - 1] + length);
}

static int depthwise_s8_needs_overflows(const groat_depthwise_s8 *k, groat_needs *needs)
{
    int known = groat_kernels.depthwise_s8_needs(k, needs);
    needs->weights_bytes = (uint32_t)needs->weights_bytes;
    return known;
}

static int depthwise_s8_check_accepts(const groat_depthwise_s8 *k)
{
    (void)k;
    return 1;
}

/* ---- Pools --------------------------------------------------------------------------------------- */

static void average_pool_s8_truncates(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    for (uint32_t i = 0; i < pixels * k->channels; i++) {
        int32_t sum = 0;
        for (uint32_t r = 0; r < k->rows; r++) {
            for (uint32_t t = 0; t < k->taps; t++) {
                sum += rows[r][i / k->channels * k->pixel_stride + t * k->channels + i % k->channels];
            }
        }
        out[i] = (int8_t)groat_clamp(sum / (int32_t)(k->rows * k->taps), k->act_min, k->act_max);
    }
}

static void max_pool_s8_starts_at_zero(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_pool_s8 wrong = *k;
    wrong.act_min = groat_clamp(0, k->act_min, k->act_max);
    groat_kernels.max_pool_s8(&wrong, rows, out, pixels);
}

/* ---- Elementwise --------------------------------------------------------------------------------- */

static void add_s8_ignores_step(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b,
                                uint32_t b_step, int8_t *out, uint32_t count)
{
    groat_kernels.add_s8(k, a, a_step, b, b_step && a_step, out, count);
}

static void add_s8_clobbers_input(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b,
                                  uint32_t b_step, int8_t *out, uint32_t count)
{
    groat_kernels.add_s8(k, a, a_step, b, b_step, out, count);
    if (a != out) {
        *(int8_t *)(uintptr_t)a ^= 1;
    }
}

/* As a vector kernel whose first and last vectors overlap. */
static void add_s8_does_some_twice(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b,
                                   uint32_t b_step, int8_t *out, uint32_t count)
{
    groat_kernels.add_s8(k, a, a_step, b, b_step, out, count);
    groat_kernels.add_s8(k, a, a_step, b, b_step, out, count < 8 ? count : 8);
}

static void matvec_s8_forgets_sums(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums, uint32_t count)
{
    sums[count - 1] = 0;
    groat_kernels.matvec_s8(w, x, depth, sums, count);
}

static void lut_8_skips_tail(const uint8_t *table, const uint8_t *in, uint8_t *out, uint32_t count)
{
    groat_kernels.lut_8(table, in, out, count % 16 == 15 ? count - 1 : count);
}

static void lut_8_indexes_signed(const uint8_t *table, const uint8_t *in, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = table[in[i] ^ 0x80];
    }
}

static void softmax_s8_reads_past_table(const int32_t *table, uint32_t table_count, const int8_t *in, int8_t *out,
                                        uint32_t count)
{
    groat_kernels.softmax_s8(table, table_count + 1, in, out, count);
}

static void softmax_s8_clobbers_table(const int32_t *table, uint32_t table_count, const int8_t *in, int8_t *out,
                                      uint32_t count)
{
    groat_kernels.softmax_s8(table, table_count, in, out, count);
    ((int32_t *)(uintptr_t)table)[table_count - 1] = 0;
}

/* ---- int16 ----------------------------------------------------------------------------------------- */

static void conv_s16_forgets_last_of_run(const groat_conv_s16 *k, const int8_t *const *rows, int16_t *out,
                                         uint32_t pixels)
{
    groat_conv_s16 wrong = *k;
    wrong.run -= k->rows == 1 && k->taps == 1 && k->run % 4 == 1;
    groat_kernels.conv_s16(&wrong, rows, out, pixels);
}

static int conv_s16_needs_knows_all(const groat_conv_s16 *k, groat_needs *needs)
{
    groat_kernels.conv_s16_needs(k, needs);
    return 1;
}

static int conv_s16_check_accepts(const groat_conv_s16 *k)
{
    (void)k;
    return 1;
}

static void depthwise_s16_mixes_channels(const groat_depthwise_s16 *k, const int8_t *const *rows, int16_t *out,
                                         uint32_t pixels)
{
    groat_kernels.depthwise_s16(k, rows, out, pixels);
    if (k->channels_in > 8) {
        int16_t first = out[0];
        out[0] = out[8];
        out[8] = first;
    }
}

static int depthwise_s16_needs_overflows(const groat_depthwise_s16 *k, groat_needs *needs)
{
    int known = groat_kernels.depthwise_s16_needs(k, needs);
    needs->weights_bytes = (uint32_t)needs->weights_bytes;
    return known;
}

static int depthwise_s16_check_accepts(const groat_depthwise_s16 *k)
{
    (void)k;
    return 1;
}

static void average_pool_s16_takes_less(const groat_pool_s16 *k, const int8_t *const *rows, int16_t *out,
                                        uint32_t pixels)
{
    groat_pool_s16 wrong = *k;
    wrong.rows -= k->rows > 1;
    groat_kernels.average_pool_s16(&wrong, rows, out, pixels);
}

static void max_pool_s16_starts_at_zero(const groat_pool_s16 *k, const int8_t *const *rows, int16_t *out,
                                        uint32_t pixels)
{
    groat_pool_s16 wrong = *k;
    wrong.act_min = groat_clamp(0, k->act_min, k->act_max);
    groat_kernels.max_pool_s16(&wrong, rows, out, pixels);
}

static void add_s16_ignores_step(const groat_add_s16 *k, const int16_t *a, uint32_t a_step, const int16_t *b,
                                 uint32_t b_step, int16_t *out, uint32_t count)
{
    groat_kernels.add_s16(k, a, a_step, b, b_step && a_step, out, count);
}

static void softmax_s16_forgets_shift(const groat_softmax_s16 *k, const int16_t *in, int16_t *out, uint32_t count)
{
    groat_softmax_s16 wrong = *k;
    wrong.shift = 0;
    groat_kernels.softmax_s16(&wrong, in, out, count);
}

/* ---- Floats -------------------------------------------------------------------------------------- */

static void conv_f32_forgets_last_of_run(const groat_conv_float *k, const int8_t *const *rows, float *out,
                                         uint32_t pixels)
{
    groat_conv_float wrong = *k;
    if (k->rows == 1 && k->taps == 1 && k->run % 4 == 1) {
        wrong.run--;
    }
    groat_kernels.conv_f32(&wrong, rows, out, pixels);
}

/* Right but for the order of roundings. */
static void conv_f32_adds_the_bias_first(const groat_conv_float *k, const int8_t *const *rows, float *out,
                                         uint32_t pixels)
{
    groat_kernels.conv_f32(k, rows, out, pixels);
    const float *bias = k->channels;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t o = 0; o < k->channels_out; o++) {
            float *y = out + p * k->out_stride + o;
            *y = groat_clamp_float((*y - bias[o]) + bias[o], k->act_min, k->act_max);
        }
    }
}

static int conv_f32_needs_knows_all(const groat_conv_float *k, groat_needs *needs)
{
    groat_kernels.conv_f32_needs(k, needs);
    return 1;
}

static int conv_f32_needs_overflows(const groat_conv_float *k, groat_needs *needs)
{
    int known = groat_kernels.conv_f32_needs(k, needs);
    needs->weights_bytes = (uint32_t)needs->weights_bytes;
    return known;
}

static void depthwise_f32_mixes_channels(const groat_depthwise_float *k, const int8_t *const *rows, float *out,
                                         uint32_t pixels)
{
    groat_kernels.depthwise_f32(k, rows, out, pixels);
    if (k->channels_in > 16) {
        float first = out[0];
        out[0] = out[16];
        out[16] = first;
    }
}

static int depthwise_f32_needs_overflows(const groat_depthwise_float *k, groat_needs *needs)
{
    int known = groat_kernels.depthwise_f32_needs(k, needs);
    needs->weights_bytes = (uint32_t)needs->weights_bytes;
    return known;
}

static void average_pool_f32_takes_less(const groat_pool_float *k, const int8_t *const *rows, float *out,
                                        uint32_t pixels)
{
    groat_pool_float wrong = *k;
    wrong.taps = k->taps > 4 ? 4 : k->taps;
    groat_kernels.average_pool_f32(&wrong, rows, out, pixels);
}

static void max_pool_f32_starts_at_zero(const groat_pool_float *k, const int8_t *const *rows, float *out,
                                        uint32_t pixels)
{
    groat_pool_float wrong = *k;
    wrong.act_min = groat_clamp_float(0.0f, k->act_min, k->act_max);
    groat_kernels.max_pool_f32(&wrong, rows, out, pixels);
}

static void add_f32_forgets_clamp(const groat_elementwise_float *k, const float *a, uint32_t a_step, const float *b,
                                  uint32_t b_step, float *out, uint32_t count)
{
    groat_elementwise_float wrong = *k;
    wrong.act_max = groat_float_of(0x7f800000u);
    groat_kernels.add_f32(&wrong, a, a_step, b, b_step, out, count);
}

static void mul_f32_ignores_step(const groat_elementwise_float *k, const float *a, uint32_t a_step, const float *b,
                                 uint32_t b_step, float *out, uint32_t count)
{
    groat_kernels.mul_f32(k, a, a_step, b, b_step && a_step, out, count);
}

static void softmax_f32_forgets_beta(const groat_softmax_float *k, const float *in, float *out, uint32_t count)
{
    (void)k;
    groat_softmax_float wrong = {1.0f};
    groat_kernels.softmax_f32(&wrong, in, out, count);
}

static void finite_f32_skips_last(const float *x, uint32_t count, uint32_t *finite)
{
    groat_kernels.finite_f32(x, count - 1, finite);
}

static void clamp_grad_f32_passes_at_limit(const groat_elementwise_float *k, const float *dy, const float *y, float *dx,
                                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = k->act_min <= y[i] && y[i] < k->act_max ? dy[i] : 0.0f;
    }
}

static void clamp_mask_f16_fills_last_byte(const groat_elementwise_float *k, const uint16_t *y, uint8_t *mask,
                                           uint32_t count)
{
    groat_kernels.clamp_mask_f16(k, y, mask, count);
    mask[(count - 1) / 8] |= (uint8_t)~(0xffu >> (0u - count) % 8);
}

static void clamp_grad_mask_f32_passes_eighths(const float *dy, const uint8_t *mask, float *dx, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = i % 8 == 7 || mask[i / 8] >> i % 8 & 1 ? dy[i] : 0.0f;
    }
}

static void sgd_f32_forgets_decay(const groat_sgd_float *k, const float *g, float *velocity, float *w, uint32_t count)
{
    groat_sgd_float wrong = *k;
    wrong.decay = 0.0f;
    groat_kernels.sgd_f32(&wrong, g, velocity, w, count);
}

static void sgd_f16_overflows(const groat_sgd_float *k, const uint16_t *g, uint16_t *velocity, uint16_t *w,
                              uint32_t count)
{
    groat_kernels.sgd_f16(k, g, velocity, w, count);
    for (uint32_t i = 0; i < count; i++) {
        w[i] += (w[i] & 0x7fffu) == 0x7bffu; /* from the largest number to infinity */
    }
}

static void conv_f16_forgets_last_of_run(const groat_conv_float *k, const int8_t *const *rows, uint16_t *out,
                                         uint32_t pixels)
{
    groat_conv_float wrong = *k;
    if (k->rows == 1 && k->taps == 1 && k->run % 4 == 1) {
        wrong.run--;
    }
    groat_kernels.conv_f16(&wrong, rows, out, pixels);
}

static void depthwise_f16_mixes_channels(const groat_depthwise_float *k, const int8_t *const *rows, uint16_t *out,
                                         uint32_t pixels)
{
    groat_kernels.depthwise_f16(k, rows, out, pixels);
    if (k->channels_in > 16) {
        uint16_t first = out[0];
        out[0] = out[16];
        out[16] = first;
    }
}

/* A rounding gone wrong: the last bit is lost now and then. */
static void add_f16_truncates(const groat_elementwise_float *k, const uint16_t *a, uint32_t a_step, const uint16_t *b,
                              uint32_t b_step, uint16_t *out, uint32_t count)
{
    groat_kernels.add_f16(k, a, a_step, b, b_step, out, count);
    for (uint32_t i = 0; i < count; i++) {
        out[i] &= (out[i] & 15) == 5 ? 0xfffeu : 0xffffu;
    }
}

/* ---- Gradients ----------------------------------------------------------------------------------- */

/* Nothing times what is there, which may be no number. */
static void conv_weight_grad_f32_reads_what_was(const groat_conv_grad_float *k, const float *x, const float *dy,
                                                float *dw, float *db)
{
    const uint32_t count = k->channels_out * k->window->kernel_h * k->window->kernel_w * k->channels_in;
    float nothing = 0.0f;
    for (uint32_t i = 0; dw != NULL && k->beta == 0.0f && i < count; i++) {
        nothing += k->beta * dw[i];
    }
    groat_kernels.conv_weight_grad_f32(k, x, dy, dw, db);
    if (dw != NULL) {
        dw[0] += nothing;
    }
}

/* As if what is there always counted in full. */
static void conv_weight_grad_f32_adds_once(const groat_conv_grad_float *k, const float *x, const float *dy, float *dw,
                                           float *db)
{
    groat_conv_grad_float wrong = *k;
    wrong.beta = k->beta == 0.0f ? 0.0f : 1.0f;
    groat_kernels.conv_weight_grad_f32(&wrong, x, dy, dw, db);
}

static void conv_input_grad_f32_fills_gaps(const groat_conv_grad_float *k, const float *w, const float *dy, float *dx)
{
    groat_kernels.conv_input_grad_f32(k, w, dy, dx);
    if (k->in_stride > k->channels_in && k->window->in_w > 1) {
        dx[k->channels_in] = 0.0f;
    }
}

static void conv_input_grad_f16_forgets_a_channel(const groat_conv_grad_float *k, const uint16_t *w, const uint16_t *dy,
                                                  uint16_t *dx)
{
    groat_conv_grad_float wrong = *k;
    wrong.channels_out -= k->channels_out % 4 == 1 && k->channels_out > 1;
    groat_kernels.conv_input_grad_f16(&wrong, w, dy, dx);
}

static void depthwise_weight_grad_f16_mixes_channels(const groat_depthwise_grad_float *k, const uint16_t *x,
                                                     const uint16_t *dy, uint16_t *dw, float *db)
{
    groat_kernels.depthwise_weight_grad_f16(k, x, dy, dw, db);
    if (dw != NULL && k->channels_in > 16) {
        uint16_t first = dw[0];
        dw[0] = dw[16];
        dw[16] = first;
    }
}

static void depthwise_input_grad_f32_ignores_dilation(const groat_depthwise_grad_float *k, const float *w,
                                                      const float *dy, float *dx)
{
    groat_window window = *k->window;
    groat_depthwise_grad_float wrong = *k;
    window.dilation_w = 1;
    wrong.window = &window;
    groat_kernels.depthwise_input_grad_f32(&wrong, w, dy, dx);
}

/* ---- The one that is chosen ---------------------------------------------------------------------- */

enum {
    id_none, /* others are numbered as they are listed */
#define MUTANT_ID(kernel, mistake) id_##kernel##_##mistake,
    MUTANTS(MUTANT_ID)
};

static const groat_kernel_table *table_with_mutant(uint32_t number)
{
    static groat_kernel_table table;
    table = groat_kernels;
    switch (number) {
#define USE_MUTANT(kernel, mistake)        \
    case id_##kernel##_##mistake:          \
        table.kernel = kernel##_##mistake; \
        break;
        MUTANTS(USE_MUTANT)
    default:
        break;
    }
    return &table;
}

#endif
