/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float32 with a floating-point unit: four channels of four pixels at a time, whose
 * sixteen sums stay in registers, or of one pixel where no more are left.
 *
 * Of the thirty-two registers the sums take half.  Two products of each sum are computed from what the other half holds:
 * eight weights and two inputs of each pixel.  Where the packer has laid the weights of four channels side by side, that
 * is five loads for thirty-two multiply-adds.  Weights that are trained lie in the order of the model, each filter
 * by itself: eight loads.
 */
#include "fpu.h"

enum {
    FOUR = 4
};

int FPU(conv_f32_needs)(const groat_conv_float *k, groat_needs *needs)
{
    uint64_t channels = k->channels_out;
    if (k->layout == FPU_FOURS) {
        channels = (channels + FOUR - 1) / FOUR * FOUR;
    }
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * channels * sizeof(float);
    needs->channels_bytes = channels * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == FPU_FOURS || k->layout == FPU_PLAIN;
}

/* Where tap `t` of row `r` of a pixel starts. */
static inline const float *tap_of(const groat_conv_float *k, const int8_t *const *rows, uint32_t r, uint32_t t,
                                  uint32_t pixel)
{
    return (const float *)(const void *)rows[r] + pixel * k->pixel_stride + t * k->tap_stride;
}

/* The filter behind one, if there is any; else the same. */
static inline const float *next_filter(const groat_conv_float *k, const float *w, int any)
{
    return any ? w + k->rows * k->taps * k->run : w;
}

/* The first `channels` outputs of four, of some pixels. */
static inline void store_some(const float *outputs, uint32_t pixels, uint32_t channels, float *out, uint32_t out_stride)
{
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            out[p * out_stride + c] = outputs[p * FOUR + c];
        }
    }
}

/* How windows are walked, as a statement below reads it. */
typedef struct walk {
    uint32_t offset;          /*  0: bytes from the start of a row to the first pixel */
    uint32_t step;            /*  4: bytes from there to the next */
    uint32_t taps;            /*  8 */
    uint32_t layout;          /* 12 */
    uint32_t run;             /* 16: floats */
    uint32_t gap;             /* 20: bytes from behind a run to the next tap */
    uint32_t left;            /* 24: taps of this row */
    const int8_t *const *end; /* 28: of the row pointers */
} walk;

static inline walk walk_of(const groat_conv_float *k, const int8_t *const *rows)
{
    return (walk){
        .step = k->pixel_stride * (uint32_t)sizeof(float),
        .taps = k->taps,
        .layout = k->layout,
        .run = k->run,
        .gap = (k->tap_stride - k->run) * (uint32_t)sizeof(float),
        .end = rows + k->rows,
    };
}

#if FPU_ASSEMBLY

#define FOUR_INPUTS               \
    "vldmia.32 %[x0]!, {s16}\n\t" \
    "vldmia.32 %[x1]!, {s18}\n\t" \
    "vldmia.32 %[x2]!, {s20}\n\t" \
    "vldmia.32 %[x3]!, {s22}\n\t"
#define EIGHT_INPUTS                  \
    "vldmia.32 %[x0]!, {s16-s17}\n\t" \
    "vldmia.32 %[x1]!, {s18-s19}\n\t" \
    "vldmia.32 %[x2]!, {s20-s21}\n\t" \
    "vldmia.32 %[x3]!, {s22-s23}\n\t"

/* Weights side by side. */
#define PRODUCT_OF_FOURS \
    "vldmia.32 %[w0]!, {s24-s27}\n\t" FOUR_INPUTS FPU_PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22")
#define TWO_PRODUCTS_OF_FOURS                                                                                          \
    "vldmia.32 %[w0]!, {s24-s31}\n\t" EIGHT_INPUTS FPU_PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22") \
        FPU_PRODUCT("s28", "s29", "s30", "s31", "s17", "s19", "s21", "s23")

/* Weights of each filter by itself. */
#define PRODUCT_OF_PLAIN          \
    "vldmia.32 %[w0]!, {s24}\n\t" \
    "vldmia.32 %[w1]!, {s26}\n\t" \
    "vldmia.32 %[w2]!, {s28}\n\t" \
    "vldmia.32 %[w3]!, {s30}\n\t" FOUR_INPUTS FPU_PRODUCT("s24", "s26", "s28", "s30", "s16", "s18", "s20", "s22")
#define TWO_PRODUCTS_OF_PLAIN                                                                                          \
    "vldmia.32 %[w0]!, {s24-s25}\n\t"                                                                                  \
    "vldmia.32 %[w1]!, {s26-s27}\n\t"                                                                                  \
    "vldmia.32 %[w2]!, {s28-s29}\n\t"                                                                                  \
    "vldmia.32 %[w3]!, {s30-s31}\n\t" EIGHT_INPUTS FPU_PRODUCT("s24", "s26", "s28", "s30", "s16", "s18", "s20", "s22") \
        FPU_PRODUCT("s25", "s27", "s29", "s31", "s17", "s19", "s21", "s23")

/* The products of a run: four at a time, then one at a time; on to label 9. */
#define RUN(four, one)                              \
    "subs %[count], %[count], #4\n\t"               \
    "blo.w 2f\n"                                    \
    "1:\n\t" four "subs %[count], %[count], #4\n\t" \
    "bhs.w 1b\n"                                    \
    "2:\n\t"                                        \
    "adds %[count], %[count], #4\n\t"               \
    "beq.w 9f\n"                                    \
    "3:\n\t" one "subs %[count], %[count], #1\n\t"  \
    "bne 3b\n\t"

/* The sums of four pixels: the first has s0 to s3, the second s4 to s7, and so on. */
static void four_pixels(const groat_conv_float *k, walk *way, const int8_t *const *rows, const float *w,
                        const float *bias, const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    FPU_SIXTEEN_SUMS
    const float *w0 = w, *w1 = next_filter(k, w0, channels > 1), *w2 = next_filter(k, w1, channels > 2),
                *w3 = next_filter(k, w2, channels > 3);
    const float *x0 = fpu_zeros, *x1, *x2, *x3;
    uint32_t count;
    way->offset = pixel * way->step;
    __asm__ volatile(
        "vldmia.32 %[x0], {s0-s15}\n"
        "6:\n\t" /* a row */
        "ldr %[x0], [%[rows]], #4\n\t"
        "ldrd %[x1], %[x3], [%[way]]\n\t"
        "ldr %[count], [%[way], #8]\n\t"
        "add %[x0], %[x0], %[x1]\n\t"
        "add %[x1], %[x0], %[x3]\n\t"
        "add %[x2], %[x1], %[x3]\n\t"
        "add %[x3], %[x2], %[x3]\n"
        "7:\n\t" /* a tap */
        "str %[count], [%[way], #24]\n\t"
        "ldr %[count], [%[way], #12]\n\t"
        "cmp %[count], #0\n\t"
        "ldr %[count], [%[way], #16]\n\t"
        "beq.w 8f\n\t" RUN(TWO_PRODUCTS_OF_FOURS TWO_PRODUCTS_OF_FOURS,
                           PRODUCT_OF_FOURS) "b.w 9f\n"
                                             "8:\n\t" RUN(TWO_PRODUCTS_OF_PLAIN TWO_PRODUCTS_OF_PLAIN,
                                                          PRODUCT_OF_PLAIN) "9:\n\t"
                                                                            "ldr %[count], [%[way], #24]\n\t"
                                                                            "subs %[count], %[count], #1\n\t"
                                                                            "beq 10f\n\t"
                                                                            "str %[count], [%[way], #24]\n\t"
                                                                            "ldr %[count], [%[way], #20]\n\t"
                                                                            "add %[x0], %[x0], %[count]\n\t"
                                                                            "add %[x1], %[x1], %[count]\n\t"
                                                                            "add %[x2], %[x2], %[count]\n\t"
                                                                            "add %[x3], %[x3], %[count]\n\t"
                                                                            "ldr %[count], [%[way], #24]\n\t"
                                                                            "b.w 7b\n"
                                                                            "10:\n\t"
                                                                            "ldr %[count], [%[way], #28]\n\t"
                                                                            "cmp %[rows], %[count]\n\t"
                                                                            "bne.w 6b"
        : [x0] "+r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [x3] "=&r"(x3), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2),
          [w3] "+r"(w3), [rows] "+r"(rows), [count] "=&r"(count), FPU_ALL_SIXTEEN("=w")
        : [way] "r"(way)
        : FPU_UPPER_HALF, "cc", "memory");
    FPU_FINISH_SIXTEEN(ends, bias);
    if (channels == FOUR) {
        FPU_STORE_PIXELS(out, k->out_stride * sizeof(float));
        return;
    }
    float outputs[FOUR * FOUR];
    FPU_STORE_SIXTEEN(outputs);
    store_some(outputs, FOUR, channels, out, k->out_stride);
}

/* Four products of the sums of one pixel; x is one of s4 to s7. */
#define ONE_PIXEL(x, w0, w1, w2, w3)                                                                            \
    "vfma.f32 s0, " x ", " w0 "\n\tvfma.f32 s1, " x ", " w1 "\n\tvfma.f32 s2, " x ", " w2 "\n\tvfma.f32 s3, " x \
    ", " w3 "\n\t"

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const float *w, const float *bias,
                      const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    FPU_FOUR_SUMS
    const float *w0 = w, *w1 = next_filter(k, w0, channels > 1), *w2 = next_filter(k, w1, channels > 2),
                *w3 = next_filter(k, w2, channels > 3);
    FPU_CLEAR_FOUR;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const float *x = tap_of(k, rows, r, t, pixel);
            uint32_t count = k->run;
            if (k->layout == FPU_FOURS) {
                __asm__ volatile(RUN("vldmia.32 %[w]!, {s16-s31}\n\t"
                                     "vldmia.32 %[x]!, {s4-s7}\n\t" ONE_PIXEL("s4", "s16", "s17", "s18", "s19")
                                         ONE_PIXEL("s5", "s20", "s21", "s22", "s23")
                                             ONE_PIXEL("s6", "s24", "s25", "s26", "s27")
                                                 ONE_PIXEL("s7", "s28", "s29", "s30", "s31"),
                                     "vldmia.32 %[w]!, {s16-s19}\n\t"
                                     "vldmia.32 %[x]!, {s4}\n\t" ONE_PIXEL("s4", "s16", "s17", "s18", "s19")) "9:"
                                 : [x] "+r"(x), [w] "+r"(w0), [count] "+r"(count), FPU_ALL_FOUR("+w")
                                 :
                                 : "s4", "s5", "s6", "s7", FPU_UPPER_HALF, "cc", "memory");
                continue;
            }
            __asm__ volatile(
                RUN("vldmia.32 %[x]!, {s4-s7}\n\t"
                    "vldmia.32 %[w0]!, {s16-s19}\n\t"
                    "vldmia.32 %[w1]!, {s20-s23}\n\t"
                    "vldmia.32 %[w2]!, {s24-s27}\n\t"
                    "vldmia.32 %[w3]!, {s28-s31}\n\t" ONE_PIXEL("s4", "s16", "s20", "s24", "s28")
                        ONE_PIXEL("s5", "s17", "s21", "s25", "s29") ONE_PIXEL("s6", "s18", "s22", "s26", "s30")
                            ONE_PIXEL("s7", "s19", "s23", "s27", "s31"),
                    "vldmia.32 %[x]!, {s4}\n\t"
                    "vldmia.32 %[w0]!, {s16}\n\t"
                    "vldmia.32 %[w1]!, {s20}\n\t"
                    "vldmia.32 %[w2]!, {s24}\n\t"
                    "vldmia.32 %[w3]!, {s28}\n\t" ONE_PIXEL("s4", "s16", "s20", "s24", "s28")) "9:"
                : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [count] "+r"(count),
                  FPU_ALL_FOUR("+w")
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
    store_some(outputs, 1, channels, out, k->out_stride);
}

#else

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const float *w, const float *bias,
                      const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    float sums[FOUR] = {0};
    const uint32_t length = k->rows * k->taps * k->run;
    uint32_t n = 0;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const float *x = tap_of(k, rows, r, t, pixel);
            for (uint32_t i = 0; i < k->run; i++, n++) {
                for (uint32_t c = 0; c < channels; c++) {
                    sums[c] = groat_fma(x[i], k->layout == FPU_FOURS ? w[n * FOUR + c] : w[c * length + n], sums[c]);
                }
            }
        }
    }
    for (uint32_t c = 0; c < FOUR; c++) {
        sums[c] = groat_clamp_float(sums[c] + bias[c], ends->low, ends->high);
    }
    store_some(sums, 1, channels, out, k->out_stride);
}

static void four_pixels(const groat_conv_float *k, walk *way, const int8_t *const *rows, const float *w,
                        const float *bias, const fpu_ends *ends, uint32_t channels, uint32_t pixel, float *out)
{
    (void)way;
    for (uint32_t p = 0; p < FOUR; p++) {
        one_pixel(k, rows, w, bias, ends, channels, pixel + p, out + p * k->out_stride);
    }
}

#endif

void FPU(conv_f32)(const groat_conv_float *k, const int8_t *const *rows, float *out, uint32_t pixels)
{
    const uint32_t step = k->rows * k->taps * k->run * FOUR; /* from the weights of four channels to the next */
    const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
    walk way = walk_of(k, rows);
    float last[FOUR] = {0}; /* biases, which may end there */
    const uint32_t fours = k->channels_out / FOUR * FOUR;
    for (uint32_t o = fours; o < k->channels_out; o++) {
        last[o - fours] = ((const float *)k->channels)[o];
    }
    for (uint32_t pixel = 0, count; pixel < pixels; pixel += count, out += count * k->out_stride) {
        const float *w = k->weights;
        count = pixels - pixel >= FOUR ? FOUR : 1;
        for (uint32_t o = 0; o < k->channels_out; o += FOUR, w += step) {
            const uint32_t channels = o < fours ? FOUR : k->channels_out - fours;
            const float *bias = o < fours ? (const float *)k->channels + o : last;
            if (count == FOUR) {
                four_pixels(k, &way, rows, w, bias, &ends, channels, pixel, out + o);
            } else {
                one_pixel(k, rows, w, bias, &ends, channels, pixel, out + o);
            }
        }
    }
}
