/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float32 with a floating-point unit: four channels of four pixels at a time, whose
 * sixteen sums stay in registers, or of one pixel where no more are left.
 *
 * Of the thirty-two registers the sums take half.  Two products of each sum are computed from what the other half holds:
 * eight weights, which lie side by side, and two inputs of each pixel.  That is five loads for thirty-two
 * multiply-adds.
 */
#include "fpu.h"

enum {
    FOUR = 4
};

int FPU(conv_f32_needs)(const groat_conv_float *k, groat_needs *needs)
{
    uint64_t channels = ((uint64_t)k->channels_out + FOUR - 1) / FOUR * FOUR;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * channels * sizeof(float);
    needs->channels_bytes = channels * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == FPU_FOURS;
}

/* Where tap `t` of row `r` of a pixel starts. */
static inline const float *tap_of(const groat_conv_float *k, const int8_t *const *rows, uint32_t r, uint32_t t,
                                  uint32_t pixel)
{
    return (const float *)(const void *)rows[r] + pixel * k->pixel_stride + t * k->tap_stride;
}

#if FPU_ASSEMBLY

/* Products of weight w (a register) with the inputs of four pixels, for the sums of one channel. */
#define FOUR_PIXELS(w, a0, a1, a2, a3, x0, x1, x2, x3)                                                \
    "vfma.f32 " a0 ", " x0 ", " w "\n\tvfma.f32 " a1 ", " x1 ", " w "\n\tvfma.f32 " a2 ", " x2 ", " w \
    "\n\tvfma.f32 " a3 ", " x3 ", " w "\n\t"

/* One product of all sixteen sums. */
#define PRODUCT(w0, w1, w2, w3, x0, x1, x2, x3)               \
    FOUR_PIXELS(w0, "s0", "s4", "s8", "s12", x0, x1, x2, x3)  \
    FOUR_PIXELS(w1, "s1", "s5", "s9", "s13", x0, x1, x2, x3)  \
    FOUR_PIXELS(w2, "s2", "s6", "s10", "s14", x0, x1, x2, x3) \
    FOUR_PIXELS(w3, "s3", "s7", "s11", "s15", x0, x1, x2, x3)

#define TWO_PRODUCTS                                                                                  \
    "vldmia.32 %[w]!, {s24-s31}\n\t"                                                                  \
    "vldmia.32 %[x0]!, {s16-s17}\n\t"                                                                 \
    "vldmia.32 %[x1]!, {s18-s19}\n\t"                                                                 \
    "vldmia.32 %[x2]!, {s20-s21}\n\t"                                                                 \
    "vldmia.32 %[x3]!, {s22-s23}\n\t" PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22") \
        PRODUCT("s28", "s29", "s30", "s31", "s17", "s19", "s21", "s23")

/* The sums of four pixels: the first has s0 to s3, the second s4 to s7, and so on. */
static void four_pixels(const groat_conv_float *k, const int8_t *const *rows, const float *w, const float *bias,
                        const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    FPU_SIXTEEN_SUMS
    FPU_CLEAR_SIXTEEN;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const float *x0 = tap_of(k, rows, r, t, pixel);
            const float *x1 = x0 + k->pixel_stride;
            const float *x2 = x1 + k->pixel_stride;
            const float *x3 = x2 + k->pixel_stride;
            uint32_t count = k->run;
            __asm__ volatile(
                "subs %[count], %[count], #4\n\t"
                "blo 2f\n"
                "1:\n\t" TWO_PRODUCTS TWO_PRODUCTS "subs %[count], %[count], #4\n\t"
                "bhs 1b\n"
                "2:\n\t"
                "adds %[count], %[count], #4\n\t"
                "beq 4f\n"
                "3:\n\t"
                "vldmia.32 %[w]!, {s24-s27}\n\t"
                "vldmia.32 %[x0]!, {s16}\n\t"
                "vldmia.32 %[x1]!, {s18}\n\t"
                "vldmia.32 %[x2]!, {s20}\n\t"
                "vldmia.32 %[x3]!, {s22}\n\t" PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20",
                                                      "s22") "subs %[count], %[count], #1\n\t"
                                                             "bne 3b\n"
                                                             "4:"
                : [x0] "+r"(x0), [x1] "+r"(x1), [x2] "+r"(x2), [x3] "+r"(x3), [w] "+r"(w), [count] "+r"(count),
                  FPU_ALL_SIXTEEN("+w")
                :
                : FPU_UPPER_HALF, "cc", "memory");
        }
    }
    FPU_FINISH_SIXTEEN(ends, bias);
    if (channels == FOUR) {
        FPU_STORE_PIXELS(out, k->out_stride * sizeof(float));
        return;
    }
    float outputs[FOUR * FOUR];
    FPU_STORE_SIXTEEN(outputs);
    for (uint32_t p = 0; p < FOUR; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            out[p * k->out_stride + c] = outputs[p * FOUR + c];
        }
    }
}

/* Four products of the sums of one pixel; x is one of s4 to s7. */
#define ONE_PIXEL(x, w0, w1, w2, w3)                                                                            \
    "vfma.f32 s0, " x ", " w0 "\n\tvfma.f32 s1, " x ", " w1 "\n\tvfma.f32 s2, " x ", " w2 "\n\tvfma.f32 s3, " x \
    ", " w3 "\n\t"

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const float *w, const float *bias,
                      const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    FPU_FOUR_SUMS
    FPU_CLEAR_FOUR;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const float *x = tap_of(k, rows, r, t, pixel);
            uint32_t count = k->run;
            __asm__ volatile(
                "subs %[count], %[count], #4\n\t"
                "blo 2f\n"
                "1:\n\t"
                "vldmia.32 %[w]!, {s16-s31}\n\t"
                "vldmia.32 %[x]!, {s4-s7}\n\t" ONE_PIXEL("s4", "s16", "s17", "s18", "s19")
                    ONE_PIXEL("s5", "s20", "s21", "s22", "s23") ONE_PIXEL("s6", "s24", "s25", "s26", "s27")
                        ONE_PIXEL("s7", "s28", "s29", "s30",
                                  "s31") "subs %[count], %[count], #4\n\t"
                                         "bhs 1b\n"
                                         "2:\n\t"
                                         "adds %[count], %[count], #4\n\t"
                                         "beq 4f\n"
                                         "3:\n\t"
                                         "vldmia.32 %[w]!, {s16-s19}\n\t"
                                         "vldmia.32 %[x]!, {s4}\n\t" ONE_PIXEL("s4", "s16", "s17", "s18",
                                                                               "s19") "subs %[count], %[count], #1\n\t"
                                                                                      "bne 3b\n"
                                                                                      "4:"
                : [x] "+r"(x), [w] "+r"(w), [count] "+r"(count), FPU_ALL_FOUR("+w")
                :
                : "s4", "s5", "s6", "s7", FPU_UPPER_HALF, "cc", "memory");
        }
    }
    FPU_FINISH_FOUR(ends, bias);
    if (channels == FOUR) {
        FPU_STORE_FOUR(out);
        return;
    }
    float outputs[FOUR];
    FPU_STORE_FOUR(outputs);
    for (uint32_t c = 0; c < channels; c++) {
        out[c] = outputs[c];
    }
}

#else

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const float *w, const float *bias,
                      const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    float sums[FOUR] = {0};
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const float *x = tap_of(k, rows, r, t, pixel);
            for (uint32_t i = 0; i < k->run; i++, w += FOUR) {
                for (uint32_t c = 0; c < FOUR; c++) {
                    sums[c] = groat_fma(x[i], w[c], sums[c]);
                }
            }
        }
    }
    for (uint32_t c = 0; c < channels; c++) {
        out[c] = groat_clamp_float(sums[c] + bias[c], ends->low, ends->high);
    }
}

static void four_pixels(const groat_conv_float *k, const int8_t *const *rows, const float *w, const float *bias,
                        const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    for (uint32_t p = 0; p < FOUR; p++) {
        one_pixel(k, rows, w, bias, ends, channels, pixel + p, out + p * k->out_stride);
    }
}

#endif

void FPU(conv_f32)(const groat_conv_float *k, const int8_t *const *rows, float *out, uint32_t pixels)
{
    const uint32_t step = k->rows * k->taps * k->run * FOUR; /* from the weights of four channels to the next */
    const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
    uint32_t pixel = 0;
    for (; pixels - pixel >= FOUR; pixel += FOUR, out += FOUR * k->out_stride) {
        const float *w = k->weights;
        const float *bias = k->channels;
        for (uint32_t o = 0; o < k->channels_out; o += FOUR, w += step) {
            uint32_t channels = k->channels_out - o < FOUR ? k->channels_out - o : FOUR;
            four_pixels(k, rows, w, bias + o, &ends, channels, pixel, out + o);
        }
    }
    for (; pixel < pixels; pixel++, out += k->out_stride) {
        const float *w = k->weights;
        const float *bias = k->channels;
        for (uint32_t o = 0; o < k->channels_out; o += FOUR, w += step) {
            uint32_t channels = k->channels_out - o < FOUR ? k->channels_out - o : FOUR;
            one_pixel(k, rows, w, bias + o, &ends, channels, pixel, out + o);
        }
    }
}
