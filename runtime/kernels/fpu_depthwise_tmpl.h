/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float32 with a floating-point unit: four channels at a time, of four neighbouring pixels where
 * windows are three taps wide and one pixel apart, since then each input is loaded once for all taps that it meets.
 * One input channel makes it a convolution.  Channels beyond the last four, and other depth multipliers, take the plain
 * way.
 */
#include "fpu_depthwise_plain_tmpl.h"

int NEEDS(conv)(const groat_conv_float *k, groat_needs *needs);
void KERNEL(conv)(const groat_conv_float *k, const int8_t *const *rows, float *out, uint32_t pixels);

enum {
    FOUR = 4,
    WIDTH = 3 /* taps of the windows that slide */
};

/* Of one input channel.  Taps that touch are one run. */
static groat_conv_float convolution(const groat_depthwise_float *k)
{
    const int joined = k->tap_stride == 1;
    return (groat_conv_float){
        .weights = k->weights,
        .channels = k->channels,
        .layout = FPU_FOURS,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = joined ? 1 : k->taps,
        .run = joined ? k->taps : 1,
        .tap_stride = k->tap_stride,
        .pixel_stride = k->pixel_stride,
        .out_stride = k->multiplier,
        .act_min = k->act_min,
        .act_max = k->act_max,
    };
}

int NEEDS(depthwise)(const groat_depthwise_float *k, groat_needs *needs)
{
    if (k->layout == FPU_DENSE) {
        const groat_conv_float dense = convolution(k);
        return k->channels_in == 1 && NEEDS(conv)(&dense, needs);
    }
    uint64_t channels_out = (uint64_t)k->channels_in * k->multiplier;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * channels_out * sizeof(float);
    needs->channels_bytes = channels_out * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == FPU_PLAIN || (k->layout == FPU_FOURS && k->multiplier == 1);
}

#if FPU_ASSEMBLY

/* Four channels of one pixel: sums s0 to s3. */
static void one_pixel(const groat_depthwise_float *k, const int8_t *const *rows, const float *w, const float *bias,
                      const fpu_ends *ends, uint32_t pixel, uint32_t channel, float *out)
{
    FPU_FOUR_SUMS
    FPU_CLEAR_FOUR;
    const uint32_t step = k->tap_stride * (uint32_t)sizeof(float);
    for (uint32_t r = 0; r < k->rows; r++) {
        const float *x = input_of(k, rows, r, pixel, channel);
        uint32_t count = k->taps;
        __asm__ volatile("1:\n\t"
                         "vldmia.32 %[x], {s4-s7}\n\t"
                         "vldmia.32 %[w]!, {s8-s11}\n\t"
                         "vfma.f32 s0, s4, s8\n\t"
                         "vfma.f32 s1, s5, s9\n\t"
                         "vfma.f32 s2, s6, s10\n\t"
                         "vfma.f32 s3, s7, s11\n\t"
                         "add %[x], %[x], %[step]\n\t"
                         "subs %[count], %[count], #1\n\t"
                         "bne 1b"
                         : [x] "+r"(x), [w] "+r"(w), [count] "+r"(count), FPU_ALL_FOUR("+w")
                         : [step] "r"(step)
                         : "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "cc", "memory");
    }
    FPU_FINISH_FOUR(ends, bias);
    FPU_STORE_FOUR(out);
}

/* The product of a column of the input, in s28 to s31, with the weights of a tap, for four sums. */
#define TAP(a0, a1, a2, a3, w0, w1, w2, w3)                                                                        \
    "vfma.f32 " a0 ", s28, " w0 "\n\tvfma.f32 " a1 ", s29, " w1 "\n\tvfma.f32 " a2 ", s30, " w2 "\n\tvfma.f32 " a3 \
    ", s31, " w3 "\n\t"
#define PIXEL0 "s0", "s1", "s2", "s3"
#define PIXEL1 "s4", "s5", "s6", "s7"
#define PIXEL2 "s8", "s9", "s10", "s11"
#define PIXEL3 "s12", "s13", "s14", "s15"
#define TAP0 "s16", "s17", "s18", "s19"
#define TAP1 "s20", "s21", "s22", "s23"
#define TAP2 "s24", "s25", "s26", "s27"
#define MEET(pixel, tap) MEET_(pixel, tap)
#define MEET_(a0, a1, a2, a3, w0, w1, w2, w3) TAP(a0, a1, a2, a3, w0, w1, w2, w3)
#define COLUMN "vldmia.32 %[x], {s28-s31}\n\tadd %[x], %[x], %[step]\n\t"

/* Four channels of four pixels, windows of three taps that are one pixel apart. */
static void four_pixels(const groat_depthwise_float *k, const int8_t *const *rows, const float *w, const float *bias,
                        const fpu_ends *ends, uint32_t pixel, uint32_t channel, float *out)
{
    FPU_SIXTEEN_SUMS
    FPU_CLEAR_SIXTEEN;
    const uint32_t step = k->tap_stride * (uint32_t)sizeof(float);
    for (uint32_t r = 0; r < k->rows; r++) {
        const float *x = input_of(k, rows, r, pixel, channel);
        __asm__ volatile("vldmia.32 %[w]!, {s16-s27}\n\t" COLUMN MEET(PIXEL0, TAP0) COLUMN MEET(PIXEL0, TAP1)
                             MEET(PIXEL1, TAP0) COLUMN MEET(PIXEL0, TAP2) MEET(PIXEL1, TAP1) MEET(PIXEL2, TAP0)
                                 COLUMN MEET(PIXEL1, TAP2) MEET(PIXEL2, TAP1) MEET(PIXEL3, TAP0)
                                     COLUMN MEET(PIXEL2, TAP2)
                                         MEET(PIXEL3, TAP1) "vldmia.32 %[x], {s28-s31}\n\t" MEET(PIXEL3, TAP2)
                         : [x] "+r"(x), [w] "+r"(w), FPU_ALL_SIXTEEN("+w")
                         : [step] "r"(step)
                         : FPU_UPPER_HALF, "memory");
    }
    FPU_FINISH_SIXTEEN(ends, bias);
    FPU_STORE_PIXELS(out, k->channels_in * sizeof(float));
}

#else

static void one_pixel(const groat_depthwise_float *k, const int8_t *const *rows, const float *w, const float *bias,
                      const fpu_ends *ends, uint32_t pixel, uint32_t channel, float *out)
{
    (void)ends;
    for (uint32_t c = 0; c < FOUR; c++) {
        out[c] = one(k, rows, w + c, FOUR, bias[c], pixel, channel + c);
    }
}

static void four_pixels(const groat_depthwise_float *k, const int8_t *const *rows, const float *w, const float *bias,
                        const fpu_ends *ends, uint32_t pixel, uint32_t channel, float *out)
{
    for (uint32_t p = 0; p < FOUR; p++) {
        one_pixel(k, rows, w, bias, ends, pixel + p, channel, out + p * k->channels_in);
    }
}

#endif

void KERNEL(depthwise)(const groat_depthwise_float *k, const int8_t *const *rows, float *out, uint32_t pixels)
{
    if (k->layout == FPU_PLAIN) {
        plain(k, rows, out, pixels);
        return;
    }
    if (k->layout == FPU_DENSE) {
        const groat_conv_float dense = convolution(k);
        KERNEL(conv)(&dense, rows, out, pixels);
        return;
    }
    const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
    const uint32_t taps = k->rows * k->taps;
    const uint32_t fours = k->channels_in / FOUR * FOUR;
    const int slides = k->taps == WIDTH && k->pixel_stride == k->tap_stride;
    const float *w = k->weights;
    const float *bias = k->channels;
    for (uint32_t c = 0; c < fours; c += FOUR, w += taps * FOUR) {
        float *to = out + c;
        uint32_t pixel = 0;
        for (; slides && pixels - pixel >= FOUR; pixel += FOUR, to += FOUR * k->channels_in) {
            four_pixels(k, rows, w, bias + c, &ends, pixel, c, to);
        }
        for (; pixel < pixels; pixel++, to += k->channels_in) {
            one_pixel(k, rows, w, bias + c, &ends, pixel, c, to);
        }
    }
    for (uint32_t c = fours; c < k->channels_in; c++, w += taps) {
        for (uint32_t p = 0; p < pixels; p++) {
            out[p * k->channels_in + c] = one(k, rows, w, 1, bias[c], p, c);
        }
    }
}
