/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float16 with Helium: eight output channels of two pixels at a time (sums_f16.h).  Both
 * pixels' windows are laid side by side first; then each weight of a channel is a lane of a vector, which the packer has laid
 * out, or which is gathered from where weights lie as the model has them: once for all pixels where there are many.
 */
#include "ends_f16.h"
#include "sums_f16.h"

/* Orders of weights. */
enum {
    PLAIN = 0, /* the reference's */
    EIGHTS = 1 /* eight output channels side by side, the last eight filled up with zeros, as are their biases */
};

enum {
    COPY_BYTES = 10240, /* of weights that are copied to where the packer would have laid them, at most, */
    COPY_PIXELS = 6     /* and the pixels that are worth it */
};

static uint64_t terms_of(const groat_conv_float *k)
{
    return (uint64_t)k->rows * k->taps * k->run;
}

static uint64_t eights_of(const groat_conv_float *k)
{
    return ((uint64_t)k->channels_out + HALVES - 1) / HALVES * HALVES;
}

static uint64_t pair_bytes(const groat_conv_float *k)
{
    return (terms_of(k) + 3) * 2 * sizeof(uint32_t);
}

/* What a copy of the weights takes; 0 if there is none. */
static uint64_t copy_bytes(const groat_conv_float *k)
{
    const uint64_t bytes = terms_of(k) * eights_of(k) * sizeof(uint16_t);
    const int few = k->pixels_most > 0 && k->pixels_most < COPY_PIXELS;
    return k->layout == PLAIN && bytes <= COPY_BYTES && !few ? bytes : 0;
}

int groat_conv_f16_needs_mve(const groat_conv_float *k, groat_needs *needs)
{
    const uint64_t channels = k->layout == EIGHTS ? eights_of(k) : k->channels_out;
    needs->weights_bytes = terms_of(k) * channels * sizeof(uint16_t);
    needs->channels_bytes = channels * sizeof(float);
    needs->scratch_bytes = pair_bytes(k) + copy_bytes(k);
    return k->layout == PLAIN || k->layout == EIGHTS;
}

/* Both pixels' windows, one pixel `apart` elements from the other. */
static void fill(const groat_conv_float *k, const int8_t *const *rows, uint32_t offset, uint32_t apart, uint32_t *pairs)
{
    for (uint32_t r = 0; r < k->rows; r++) {
        const uint16_t *x = (const uint16_t *)(const void *)rows[r] + offset;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
            pairs = pair_up(pairs, x, x + apart, k->run);
        }
    }
}

/* Where a gathering load finds eight channels; lanes that are over read the last one again. */
static void spread(uint16_t lanes_at[HALVES], uint32_t channels, uint32_t terms)
{
    for (uint32_t c = 0; c < HALVES; c++) {
        lanes_at[c] = (uint16_t)((c < channels ? c : channels - 1) * terms);
    }
}

/* Weights of eight channels side by side; lanes that are over hold those of the last one. */
static void copy_weights(const groat_conv_float *k, uint32_t terms, uint16_t *to)
{
    const uint16_t *w = k->weights;
    uint16_t lanes_at[HALVES];
    for (uint32_t left = k->channels_out, channels; left > 0; left -= channels, w += HALVES * terms) {
        channels = left < HALVES ? left : HALVES;
        spread(lanes_at, channels, terms);
        const uint16x8_t at = vldrhq_u16(lanes_at);
        for (uint32_t t = 0; t < terms; t++, to += HALVES) {
            vstrhq_u16(to, vldrhq_gather_shifted_offset_u16(w + t, at));
        }
    }
}

/* All channels of two pixels, or of the first alone; of weights that lie side by side, if there are any. */
static void two_pixels(const groat_conv_float *k, const uint16_t *packed, uint32_t terms, uint16_t *out,
                       uint32_t pixels)
{
    const float16x8_t low = halves_of(vdupq_n_u16(groat_half_of(k->act_min)));
    const float16x8_t high = halves_of(vdupq_n_u16(groat_half_of(k->act_max)));
    const uint16_t *w = packed ? packed : k->weights;
    const float *bias = k->channels;
    const uint32_t *pairs = k->scratch;
    const uint32_t plain = k->layout == PLAIN;
    uint16_t *second = pixels > 1 ? out + k->out_stride : out;
    uint16_t lanes_at[HALVES];
    spread(lanes_at, HALVES, terms);
    for (uint32_t left = k->channels_out; left > 0;) {
        const uint32_t channels = left < HALVES ? left : HALVES;
        if (!packed && channels < HALVES) {
            spread(lanes_at, channels, terms);
        }
        const float32x4x2_t b = biases(bias, plain ? channels : HALVES);
        pair_sums sums = {{b.val[0], b.val[1], b.val[0], b.val[1]}};
        sums = packed ? groat_sum_packed_f16_mve(sums, w, pairs, terms, HALVES * sizeof *w, HALVES)
                      : groat_sum_gathered_f16_mve(sums, w, pairs, terms, (uintptr_t)lanes_at, HALVES);
        const mve_pred16_t lanes = vctp16q(channels);
        /* The second first: it may be the first once more. */
        vstrhq_p_u16(second, limited(narrowed(sums.of[2], sums.of[3]), low, high), lanes);
        vstrhq_p_u16(out, limited(narrowed(sums.of[0], sums.of[1]), low, high), lanes);
        left -= channels;
        w += HALVES * terms;
        bias += HALVES;
        out += HALVES;
        second += HALVES;
    }
}

/* ---- One pixel, weights as the model has them: terms lie in the lanes --------------------------------------- */

/* Two channels' sums of products over a run, four lanes of each. */
static inline void dot_run(const uint16_t *x, const uint16_t *a, const uint16_t *b, uint32_t count, float32x4_t *sum_a,
                           float32x4_t *sum_b)
{
    while (count > 0) {
        const uint32_t vectors = count / HALVES < CHUNK ? count / HALVES : CHUNK;
        float16x8_t chunk_a = halves_of(vdupq_n_u16(0));
        float16x8_t chunk_b = chunk_a;
        for (uint32_t i = vectors; i > 0; i--, x += HALVES, a += HALVES, b += HALVES) {
            const float16x8_t at = halves_at(x);
            chunk_a = vfmaq_f16(chunk_a, halves_at(a), at);
            chunk_b = vfmaq_f16(chunk_b, halves_at(b), at);
        }
        count -= vectors * HALVES;
        if (vectors < CHUNK && count > 0) {
            const mve_pred16_t rest = vctp16q(count);
            const float16x8_t at = halves_of(vldrhq_z_u16(x, rest));
            chunk_a = vfmaq_f16(chunk_a, halves_of(vldrhq_z_u16(a, rest)), at);
            chunk_b = vfmaq_f16(chunk_b, halves_of(vldrhq_z_u16(b, rest)), at);
            count = 0;
        }
        *sum_a = vaddq_f32(vaddq_f32(*sum_a, vcvtbq_f32_f16(chunk_a)), vcvttq_f32_f16(chunk_a));
        *sum_b = vaddq_f32(vaddq_f32(*sum_b, vcvtbq_f32_f16(chunk_b)), vcvttq_f32_f16(chunk_b));
    }
}

static inline float across(float32x4_t sum)
{
    float lanes[HALVES / 2];
    vstrwq_f32(lanes, sum);
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/* A channel's output of one pixel; a sum that is not finite is made again in float32. */
static uint16_t dot_output(const groat_conv_float *k, const int8_t *const *rows, uint32_t offset, const uint16_t *w,
                           float32x4_t sums, float bias)
{
    float sum = across(sums);
    if (!(sum - sum == 0.0f)) {
        sum = 0.0f;
        for (uint32_t r = 0; r < k->rows; r++) {
            const uint16_t *x = (const uint16_t *)(const void *)rows[r] + offset;
            for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
                for (uint32_t i = 0; i < k->run; i++) {
                    sum += groat_float_of_half(x[i]) * groat_float_of_half(*w++);
                }
            }
        }
    }
    return groat_half_of(groat_clamp_float(sum + bias, k->act_min, k->act_max));
}

static void dots(const groat_conv_float *k, const int8_t *const *rows, uint32_t offset, uint32_t terms, uint16_t *out)
{
    const uint16_t *w = k->weights;
    const float *bias = k->channels;
    for (uint32_t o = 0; o < k->channels_out; o += 2, w += 2 * terms) {
        const uint32_t second = o + 1 < k->channels_out ? 1 : 0; /* or the first again */
        const uint16_t *a = w;
        const uint16_t *b = w + second * terms;
        float32x4_t sum_a = vdupq_n_f32(0.0f);
        float32x4_t sum_b = sum_a;
        for (uint32_t r = 0; r < k->rows; r++) {
            const uint16_t *x = (const uint16_t *)(const void *)rows[r] + offset;
            for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, a += k->run, b += k->run) {
                dot_run(x, a, b, k->run, &sum_a, &sum_b);
            }
        }
        const uint32_t p = o + second;
        out[p] = dot_output(k, rows, offset, w + second * terms, sum_b, bias[p]);
        out[o] = dot_output(k, rows, offset, w, sum_a, bias[o]);
    }
}

void groat_conv_f16_mve(const groat_conv_float *k, const int8_t *const *rows, uint16_t *out, uint32_t pixels)
{
    const uint32_t terms = (uint32_t)terms_of(k);
    /* A vector's lanes must be within reach of a gathering load. */
    if (k->layout == PLAIN && (pixels == 1 || terms > UINT16_MAX / (HALVES - 1))) {
        for (uint32_t p = 0; p < pixels; p++) {
            dots(k, rows, p * k->pixel_stride, terms, out + p * k->out_stride);
        }
        return;
    }
    const uint16_t *packed = k->layout == EIGHTS ? k->weights : 0;
    if (pixels >= COPY_PIXELS && copy_bytes(k) > 0) {
        uint16_t *copy = (uint16_t *)((uint8_t *)k->scratch + pair_bytes(k));
        copy_weights(k, terms, copy);
        packed = copy;
    }
    for (uint32_t p = 0; p < pixels; p += 2) {
        const uint32_t two = pixels - p > 1 ? 2 : 1;
        fill(k, rows, p * k->pixel_stride, two > 1 ? k->pixel_stride : 0, k->scratch);
        two_pixels(k, packed, terms, out + p * k->out_stride, two);
    }
}
