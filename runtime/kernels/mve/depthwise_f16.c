/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float16 with Helium: eight channels in the lanes.  Four pixels whose windows are three taps wide
 * and one tap apart share a row's weights and what they see of it; others go one by one.  Where there is one input channel,
 * all output channels see the same, and it is a convolution (conv_f16.c), whose weights lie as it wants them.
 */
#include "ends_f16.h"
#include "sums_f16.h"

enum {
    FOUR = 4, /* pixels */
    THREE = 3 /* taps */
};

static int is_convolution(const groat_depthwise_float *k)
{
    return k->channels_in == 1 && k->multiplier > 1;
}

int groat_depthwise_f16_needs_mve(const groat_depthwise_float *k, groat_needs *needs)
{
    const int known = groat_depthwise_f16_needs_ref(k, needs);
    if (is_convolution(k)) {
        needs->scratch_bytes = ((uint64_t)k->rows * k->taps + 3) * 2 * sizeof(uint32_t);
    }
    return known;
}

/* What the outputs of eight channels have in common. */
typedef struct eight_channels {
    const uint16_t *w;
    uint32_t w_step;     /* from the weights of a tap to those of the next */
    uint32_t output; /* the first channel */
    uint32_t input;      /* the channel that the first reads */
    uint32_t plain;      /* each reads its own, and all eight are there */
    float32x4x2_t bias;
    float16x8_t low;
    float16x8_t high;
    mve_pred16_t lanes;
} eight_channels;

static inline const uint16_t *input_of(const groat_depthwise_float *k, const eight_channels *c,
                                       const int8_t *const *rows, uint32_t r, uint32_t pixel)
{
    return (const uint16_t *)(const void *)rows[r] + pixel * k->pixel_stride + c->input;
}

static inline void store(const eight_channels *c, float32x4x2_t sums, uint16_t *out)
{
    vstrhq_p_u16(out, limited(narrowed(sums.val[0], sums.val[1]), c->low, c->high), c->lanes);
}

/* The channel of the input, from that of the first of the eight outputs on, that each of them reads. */
static uint16x8_t inputs_of(const eight_channels *c, uint32_t multiplier)
{
    uint16_t at[HALVES];
    for (uint32_t i = 0; i < HALVES; i++) {
        at[i] = (uint16_t)((c->output + i) / multiplier - c->input);
    }
    return vldrhq_u16(at);
}

/* What is not finite in them is summed again in float32. */
__attribute__((noinline)) static float32x4x2_t in_float32(const groat_depthwise_float *k, const eight_channels *c,
                                                          const int8_t *const *rows, uint32_t pixel, float32x4x2_t sums)
{
    const uint16x8_t inputs = inputs_of(c, k->multiplier);
    float32x4x2_t wide = c->bias;
    const uint16_t *w = c->w;
    for (uint32_t r = 0; r < k->rows; r++) {
        const uint16_t *x = input_of(k, c, rows, r, pixel);
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += c->w_step) {
            const float16x8_t at = halves_of(vldrhq_gather_shifted_offset_z_u16(x, inputs, c->lanes));
            const float16x8_t by = halves_of(vldrhq_z_u16(w, c->lanes));
            wide.val[0] = vfmaq_f32(wide.val[0], vcvtbq_f32_f16(at), vcvtbq_f32_f16(by));
            wide.val[1] = vfmaq_f32(wide.val[1], vcvttq_f32_f16(at), vcvttq_f32_f16(by));
        }
    }
    return (float32x4x2_t){{finite_or(sums.val[0], wide.val[0]), finite_or(sums.val[1], wide.val[1])}};
}

static void one_pixel(const groat_depthwise_float *k, const eight_channels *c, const int8_t *const *rows,
                      uint32_t pixel, uint16_t *out)
{
    float32x4x2_t sums = c->bias;
    float16x8_t chunk = halves_of(vdupq_n_u16(0));
    const uint16_t *w = c->w;
    const uint16x8_t inputs = c->plain ? vdupq_n_u16(0) : inputs_of(c, k->multiplier);
    uint32_t room = CHUNK;
    for (uint32_t r = 0; r < k->rows; r++) {
        const uint16_t *x = input_of(k, c, rows, r, pixel);
        for (uint32_t t = 0; t < k->taps;) {
            uint32_t some = k->taps - t < room ? k->taps - t : room;
            t += some;
            room -= some;
            if (c->plain) {
                for (; some > 0; some--, x += k->tap_stride, w += c->w_step) {
                    chunk = vfmaq_f16(chunk, halves_at(x), halves_at(w));
                }
            } else {
                for (; some > 0; some--, x += k->tap_stride, w += c->w_step) {
                    const uint16x8_t at = vldrhq_gather_shifted_offset_z_u16(x, inputs, c->lanes);
                    chunk = vfmaq_f16(chunk, halves_of(at), halves_of(vldrhq_z_u16(w, c->lanes)));
                }
            }
            if (room == 0) {
                add_chunk(&sums, chunk);
                chunk = halves_of(vdupq_n_u16(0));
                room = CHUNK;
            }
        }
    }
    if (room < CHUNK) {
        add_chunk(&sums, chunk);
    }
    store(c, all_finite(sums.val[0], sums.val[1]) ? sums : in_float32(k, c, rows, pixel, sums), out);
}

/* A row of three taps of four neighbouring pixels: a column of it meets up to three of them. */
static inline void three_taps(const uint16_t *x, uint32_t x_step, const uint16_t *w, uint32_t w_step,
                              float16x8_t chunks[FOUR])
{
#if defined(__ARM_FEATURE_MVE)
    float16x8_t a = chunks[0], b = chunks[1], c = chunks[2], d = chunks[3];
    __asm__ volatile("vldrh.u16 q4, [%[w]]\n add %[w], %[w], %[w_step]\n"
                     "vldrh.u16 q5, [%[w]]\n add %[w], %[w], %[w_step]\n"
                     "vldrh.u16 q6, [%[w]]\n"
                     "vldrh.u16 q7, [%[x]]\n add %[x], %[x], %[x_step]\n"
                     "vfma.f16 %q[a], q7, q4\n"
                     "vldrh.u16 q7, [%[x]]\n add %[x], %[x], %[x_step]\n"
                     "vfma.f16 %q[a], q7, q5\n vfma.f16 %q[b], q7, q4\n"
                     "vldrh.u16 q7, [%[x]]\n add %[x], %[x], %[x_step]\n"
                     "vfma.f16 %q[a], q7, q6\n vfma.f16 %q[b], q7, q5\n vfma.f16 %q[c], q7, q4\n"
                     "vldrh.u16 q7, [%[x]]\n add %[x], %[x], %[x_step]\n"
                     "vfma.f16 %q[b], q7, q6\n vfma.f16 %q[c], q7, q5\n vfma.f16 %q[d], q7, q4\n"
                     "vldrh.u16 q7, [%[x]]\n add %[x], %[x], %[x_step]\n"
                     "vfma.f16 %q[c], q7, q6\n vfma.f16 %q[d], q7, q5\n"
                     "vldrh.u16 q7, [%[x]]\n"
                     "vfma.f16 %q[d], q7, q6\n"
                     : [a] "+w"(a), [b] "+w"(b), [c] "+w"(c), [d] "+w"(d), [x] "+r"(x), [w] "+r"(w)
                     : [x_step] "r"(x_step * sizeof *x), [w_step] "r"(w_step * sizeof *w)
                     : "q4", "q5", "q6", "q7", "memory");
    chunks[0] = a, chunks[1] = b, chunks[2] = c, chunks[3] = d;
#else
    for (uint32_t p = 0; p < FOUR; p++) {
        for (uint32_t t = 0; t < THREE; t++) {
            chunks[p] = vfmaq_f16(chunks[p], halves_at(x + (p + t) * x_step), halves_at(w + t * w_step));
        }
    }
#endif
}

static void four_pixels(const groat_depthwise_float *k, const eight_channels *c, const int8_t *const *rows,
                        uint32_t pixel, uint16_t *out)
{
    const float16x8_t zero = halves_of(vdupq_n_u16(0));
    float16x8_t chunks[FOUR] = {zero, zero, zero, zero};
    const uint16_t *w = c->w;
    for (uint32_t r = 0; r < k->rows; r++, w += THREE * c->w_step) {
        three_taps(input_of(k, c, rows, r, pixel), k->tap_stride, w, c->w_step, chunks);
    }
    const float16x8_t all = vaddq_f16(vaddq_f16(chunks[0], chunks[1]), vaddq_f16(chunks[2], chunks[3]));
    const int finite = vcmpeqq_f16(vsubq_f16(all, all), zero) == 0xffff;
    for (uint32_t p = 0; p < FOUR; p++, out += c->w_step) {
        float32x4x2_t sums = c->bias;
        add_chunk(&sums, chunks[p]);
        store(c, finite ? sums : in_float32(k, c, rows, pixel + p, sums), out);
    }
}

/* What two pixels see, side by side. */
static void see(const groat_depthwise_float *k, const int8_t *const *rows, uint32_t offset, uint32_t apart,
                uint32_t *pairs)
{
    const uint32_t joined = k->tap_stride == 1 ? k->taps : 1;
    for (uint32_t r = 0; r < k->rows; r++) {
        const uint16_t *x = (const uint16_t *)(const void *)rows[r] + offset;
        for (uint32_t t = 0; t < k->taps; t += joined, x += k->tap_stride) {
            pairs = pair_up(pairs, x, x + apart, joined);
        }
    }
}

static void convolution(const groat_depthwise_float *k, const int8_t *const *rows, uint16_t *out, uint32_t pixels)
{
    const float16x8_t low = halves_of(vdupq_n_u16(groat_half_of(k->act_min)));
    const float16x8_t high = halves_of(vdupq_n_u16(groat_half_of(k->act_max)));
    const uint32_t channels_out = k->multiplier, terms = k->rows * k->taps;
    const uint32_t step = channels_out * (uint32_t)sizeof *out;
    const uint16_t *w = k->weights;
    const float *bias = k->channels;
    for (uint32_t p = 0; p < pixels; p += 2, out += 2 * channels_out) {
        uint16_t *second = pixels - p > 1 ? out + channels_out : out;
        see(k, rows, p * k->pixel_stride, second > out ? k->pixel_stride : 0, k->scratch);
        for (uint32_t o = 0; o < channels_out; o += HALVES) {
            const uint32_t channels = channels_out - o < HALVES ? channels_out - o : HALVES;
            const mve_pred16_t lanes = vctp16q(channels);
            const float32x4x2_t b = biases(bias + o, channels);
            pair_sums sums = {{b.val[0], b.val[1], b.val[0], b.val[1]}};
            sums = groat_sum_of_steps_f16_mve(step, channels)(sums, w + o, k->scratch, terms, step, channels);
            vstrhq_p_u16(second + o, limited(narrowed(sums.of[2], sums.of[3]), low, high), lanes);
            vstrhq_p_u16(out + o, limited(narrowed(sums.of[0], sums.of[1]), low, high), lanes);
        }
    }
}

void groat_depthwise_f16_mve(const groat_depthwise_float *k, const int8_t *const *rows, uint16_t *out, uint32_t pixels)
{
    if (is_convolution(k)) {
        convolution(k, rows, out, pixels);
        return;
    }
    const uint32_t channels_out = k->channels_in * k->multiplier;
    const float *bias = k->channels;
    const int slide = k->taps == THREE && k->tap_stride == k->pixel_stride && k->rows * THREE <= CHUNK;
    eight_channels c = {
        .w = k->weights,
        .w_step = channels_out,
        .low = halves_of(vdupq_n_u16(groat_half_of(k->act_min))),
        .high = halves_of(vdupq_n_u16(groat_half_of(k->act_max))),
    };
    for (uint32_t o = 0; o < channels_out; o += HALVES, c.w += HALVES) {
        const uint32_t channels = channels_out - o < HALVES ? channels_out - o : HALVES;
        c.input = o / k->multiplier;
        c.plain = k->multiplier == 1 && channels == HALVES;
        c.output = o;
        c.lanes = vctp16q(channels);
        c.bias = biases(bias + o, channels);
        uint32_t p = 0;
        if (slide && c.plain) {
            for (; p + FOUR <= pixels; p += FOUR) {
                four_pixels(k, &c, rows, p, out + p * channels_out + o);
            }
        }
        for (; p < pixels; p++) {
            one_pixel(k, &c, rows, p, out + p * channels_out + o);
        }
    }
}
