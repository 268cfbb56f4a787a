/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of floats with a floating-point unit: four channels of four pixels at a time, whose
 * sixteen sums stay in registers, or of one pixel where no more are left.
 *
 * Of the thirty-two registers the sums take half.  Two products of each sum are computed from what the other half holds:
 * eight weights and two inputs of each pixel.  Where the packer has laid the weights of four channels side by side, that
 * is five loads for thirty-two multiply-adds.  Weights that are trained lie in the order of the model, each filter
 * by itself: eight loads.
 */
enum {
    FOUR = 4
};

#if SIDE_BY_SIDE

int NEEDS(conv)(const groat_conv_float *k, groat_needs *needs)
{
    uint64_t channels = k->channels_out;
    if (k->layout == FPU_FOURS) {
        channels = (channels + FOUR - 1) / FOUR * FOUR;
    }
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * channels * sizeof(ELEMENT);
    needs->channels_bytes = channels * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == FPU_FOURS || k->layout == FPU_PLAIN;
}

#endif

/* Where tap `t` of row `r` of a pixel starts. */
static inline const ELEMENT *tap_of(const groat_conv_float *k, const int8_t *const *rows, uint32_t r, uint32_t t,
                                    uint32_t pixel)
{
    return (const ELEMENT *)(const void *)rows[r] + pixel * k->pixel_stride + t * k->tap_stride;
}

/* The filter behind one, if there is any; else the same. */
static inline const ELEMENT *next_filter(const groat_conv_float *k, const ELEMENT *w, int any)
{
    return any ? w + k->rows * k->taps * k->run : w;
}

/* The first `channels` outputs of four, of some pixels. */
static inline void store_some(const float *outputs, uint32_t pixels, uint32_t channels, ELEMENT *out,
                              uint32_t out_stride)
{
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            out[p * out_stride + c] = NARROW(outputs[p * FOUR + c]);
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
        .step = k->pixel_stride * (uint32_t)sizeof(ELEMENT),
        .taps = k->taps,
        .layout = k->layout,
        .run = k->run,
        .gap = (k->tap_stride - k->run) * (uint32_t)sizeof(ELEMENT),
        .end = rows + k->rows,
    };
}

#if FPU_ASSEMBLY

#define FOUR_INPUTS               \
    LOAD_ONE("x0", "none", "s16") \
    LOAD_ONE("x1", "none", "s18") LOAD_ONE("x2", "none", "s20") LOAD_ONE("x3", "none", "s22")
#define EIGHT_INPUTS                  \
    LOAD_TWO("x0", "!", "s16", "s17") \
    LOAD_TWO("x1", "!", "s18", "s19") LOAD_TWO("x2", "!", "s20", "s21") LOAD_TWO("x3", "!", "s22", "s23")

/* Weights side by side. */
#define PRODUCT_OF_FOURS                             \
    LOAD_FOUR("w0", "!", "s24", "s25", "s26", "s27") \
    FOUR_INPUTS FPU_PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22")
#define TWO_PRODUCTS_OF_FOURS                                                        \
    LOAD_EIGHT("w0", "!", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31")    \
    EIGHT_INPUTS FPU_PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22") \
        FPU_PRODUCT("s28", "s29", "s30", "s31", "s17", "s19", "s21", "s23")

/* Weights of each filter by itself. */
#define PRODUCT_OF_PLAIN          \
    LOAD_ONE("w0", "none", "s24") \
    LOAD_ONE("w1", "none", "s26") \
    LOAD_ONE("w2", "none", "s28") \
    LOAD_ONE("w3", "none", "s30") FOUR_INPUTS FPU_PRODUCT("s24", "s26", "s28", "s30", "s16", "s18", "s20", "s22")
#define TWO_PRODUCTS_OF_PLAIN                                                        \
    LOAD_TWO("w0", "!", "s24", "s25")                                                \
    LOAD_TWO("w1", "!", "s26", "s27")                                                \
    LOAD_TWO("w2", "!", "s28", "s29")                                                \
    LOAD_TWO("w3", "!", "s30", "s31")                                                \
    EIGHT_INPUTS FPU_PRODUCT("s24", "s26", "s28", "s30", "s16", "s18", "s20", "s22") \
        FPU_PRODUCT("s25", "s27", "s29", "s31", "s17", "s19", "s21", "s23")

/* The products of a run: four at a time, then what remains; on to label 9. */
#define RUN(four, one, two)                                               \
    "subs %[count], %[count], #4\n\t"                                     \
    "blo.w 2f\n"                                                          \
    "1:\n\t" four "subs %[count], %[count], #4\n\t"                       \
    "bhs.w 1b\n"                                                          \
    "2:\n\t"                                                              \
    "adds %[count], %[count], #4\n\t"                                     \
    "beq.w 9f\n"                                                          \
    "3:\n\t" REST(one, two) "subs %[count], %[count], #" REST_STEP "\n\t" \
                            "bne.w 3b\n\t"
#define RUN_OF_PLAIN RUN(TWO_PRODUCTS_OF_PLAIN TWO_PRODUCTS_OF_PLAIN, PRODUCT_OF_PLAIN, TWO_PRODUCTS_OF_PLAIN)
#if SIDE_BY_SIDE
#define RUN_OF_FOURS                                                                  \
    "ldr %[count], [%[way], #12]\n\t"                                                 \
    "cmp %[count], #0\n\t"                                                            \
    "ldr %[count], [%[way], #16]\n\t"                                                 \
    "beq.w 8f\n\t" RUN(TWO_PRODUCTS_OF_FOURS TWO_PRODUCTS_OF_FOURS, PRODUCT_OF_FOURS, \
                       TWO_PRODUCTS_OF_FOURS) "b.w 9f\n"                              \
                                              "8:\n\t"
#else
#define RUN_OF_FOURS "ldr %[count], [%[way], #16]\n\t"
#endif

/* From a run to the next, in the same row (7) or the next one (6). */
#define NEXT_RUN                      \
    "9:\n\t"                          \
    "ldr %[count], [%[way], #24]\n\t" \
    "subs %[count], %[count], #1\n\t" \
    "beq 10f\n\t"                     \
    "str %[count], [%[way], #24]\n\t" \
    "ldr %[count], [%[way], #20]\n\t" \
    "add %[x0], %[x0], %[count]\n\t"  \
    "add %[x1], %[x1], %[count]\n\t"  \
    "add %[x2], %[x2], %[count]\n\t"  \
    "add %[x3], %[x3], %[count]\n\t"  \
    "ldr %[count], [%[way], #24]\n\t" \
    "b.w 7b\n"                        \
    "10:\n\t"                         \
    "ldr %[count], [%[way], #28]\n\t" \
    "cmp %[rows], %[count]\n\t"       \
    "bne.w 6b"

/* The sums of four pixels: the first has s0 to s3, the second s4 to s7, and so on. */
static void four_pixels(const groat_conv_float *k, walk *way, const int8_t *const *rows, const ELEMENT *w,
                        const float *bias, const fpu_ends *ends, uint32_t channels, uint32_t pixel, ELEMENT *out)
{
    FPU_SIXTEEN_SUMS
    const ELEMENT *w0 = w, *w1 = next_filter(k, w0, channels > 1), *w2 = next_filter(k, w1, channels > 2),
                  *w3 = next_filter(k, w2, channels > 3);
    const ELEMENT *x0 = (const ELEMENT *)(const void *)fpu_zeros, *x1, *x2, *x3;
    uint32_t count;
    way->offset = pixel * way->step;
    __asm__ volatile("vldmia.32 %[x0], {s0-s15}\n"
                     "6:\n\t" /* a row */
                     "ldr %[x0], [%[rows]], #4\n\t"
                     "ldrd %[x1], %[x3], [%[way]]\n\t"
                     "ldr %[count], [%[way], #8]\n\t"
                     "add %[x0], %[x0], %[x1]\n\t"
                     "add %[x1], %[x0], %[x3]\n\t"
                     "add %[x2], %[x1], %[x3]\n\t"
                     "add %[x3], %[x2], %[x3]\n"
                     "7:\n\t" /* a tap */
                     "str %[count], [%[way], #24]\n\t" RUN_OF_FOURS RUN_OF_PLAIN NEXT_RUN
                     : [x0] "+r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [x3] "=&r"(x3), [w0] "+r"(w0), [w1] "+r"(w1),
                       [w2] "+r"(w2), [w3] "+r"(w3), [rows] "+r"(rows), [count] "=&r"(count), FPU_ALL_SIXTEEN("=w")
                     : [way] "r"(way)
                     : FPU_UPPER_HALF, "cc", "memory");
    FPU_FINISH_SIXTEEN(ends, bias);
    if (channels == FOUR) {
        STORE_PIXELS(out, k->out_stride * sizeof(ELEMENT));
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

#define ONE_PIXEL_FOURS                             \
    LOAD_FOUR("w", "!", "s16", "s17", "s18", "s19") \
    LOAD_ONE("x", "none", "s4") ONE_PIXEL("s4", "s16", "s17", "s18", "s19")
#define ONE_PIXEL_FOUR_FOURS                                                                    \
    "vldmia.32 %[w]!, {s16-s31}\n\t" LOAD_FOUR("x", "!", "s4", "s5", "s6", "s7")                \
        ONE_PIXEL("s4", "s16", "s17", "s18", "s19") ONE_PIXEL("s5", "s20", "s21", "s22", "s23") \
            ONE_PIXEL("s6", "s24", "s25", "s26", "s27") ONE_PIXEL("s7", "s28", "s29", "s30", "s31")
#define ONE_PIXEL_ONE             \
    LOAD_ONE("x", "none", "s4")   \
    LOAD_ONE("w0", "none", "s16") \
    LOAD_ONE("w1", "none", "s20") \
    LOAD_ONE("w2", "none", "s24") LOAD_ONE("w3", "none", "s28") ONE_PIXEL("s4", "s16", "s20", "s24", "s28")
#define ONE_PIXEL_TWO                 \
    LOAD_TWO("x", "!", "s4", "s5")    \
    LOAD_TWO("w0", "!", "s16", "s17") \
    LOAD_TWO("w1", "!", "s20", "s21") \
    LOAD_TWO("w2", "!", "s24", "s25") \
    LOAD_TWO("w3", "!", "s28", "s29") \
    ONE_PIXEL("s4", "s16", "s20", "s24", "s28") ONE_PIXEL("s5", "s17", "s21", "s25", "s29")
#define ONE_PIXEL_FOUR                               \
    LOAD_FOUR("x", "!", "s4", "s5", "s6", "s7")      \
    LOAD_FOUR("w0", "!", "s16", "s17", "s18", "s19") \
    LOAD_FOUR("w1", "!", "s20", "s21", "s22", "s23") \
    LOAD_FOUR("w2", "!", "s24", "s25", "s26", "s27") \
    LOAD_FOUR("w3", "!", "s28", "s29", "s30", "s31") \
    ONE_PIXEL("s4", "s16", "s20", "s24", "s28")      \
    ONE_PIXEL("s5", "s17", "s21", "s25", "s29")      \
    ONE_PIXEL("s6", "s18", "s22", "s26", "s30") ONE_PIXEL("s7", "s19", "s23", "s27", "s31")

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w, const float *bias,
                      const fpu_ends *ends, uint32_t channels, uint32_t pixel, ELEMENT *out)
{
    FPU_FOUR_SUMS
    const ELEMENT *w0 = w, *w1 = next_filter(k, w0, channels > 1), *w2 = next_filter(k, w1, channels > 2),
                  *w3 = next_filter(k, w2, channels > 3);
    FPU_CLEAR_FOUR;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const ELEMENT *x = tap_of(k, rows, r, t, pixel);
            uint32_t count = k->run;
#if SIDE_BY_SIDE
            if (k->layout == FPU_FOURS) {
                __asm__ volatile(RUN(ONE_PIXEL_FOUR_FOURS, ONE_PIXEL_FOURS, "") "9:"
                                 : [x] "+r"(x), [w] "+r"(w0), [count] "+r"(count), FPU_ALL_FOUR("+w")
                                 :
                                 : "s4", "s5", "s6", "s7", FPU_UPPER_HALF, "cc", "memory");
                continue;
            }
#endif
            __asm__ volatile(
                RUN(ONE_PIXEL_FOUR, ONE_PIXEL_ONE, ONE_PIXEL_TWO) "9:"
                : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [count] "+r"(count),
                  FPU_ALL_FOUR("+w")
                :
                : "s4", "s5", "s6", "s7", FPU_UPPER_HALF, "cc", "memory");
        }
    }
    FPU_FINISH_FOUR(ends, bias);
    if (channels == FOUR) {
        STORE_FOUR_SUMS(out);
        return;
    }
    float outputs[FOUR];
    FPU_STORE_FOUR(outputs);
    store_some(outputs, 1, channels, out, k->out_stride);
}

#else

static void one_pixel(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w, const float *bias,
                      const fpu_ends *ends, uint32_t channels, uint32_t pixel, ELEMENT *out)
{
    float sums[FOUR] = {0};
    const uint32_t length = k->rows * k->taps * k->run;
    uint32_t n = 0;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const ELEMENT *x = tap_of(k, rows, r, t, pixel);
            for (uint32_t i = 0; i < k->run; i++, n++) {
                for (uint32_t c = 0; c < channels; c++) {
                    const ELEMENT weight = k->layout == FPU_FOURS ? w[n * FOUR + c] : w[c * length + n];
                    sums[c] = groat_fma(WIDE(x[i]), WIDE(weight), sums[c]);
                }
            }
        }
    }
    for (uint32_t c = 0; c < FOUR; c++) {
        sums[c] = groat_clamp_float(sums[c] + bias[c], ends->low, ends->high);
    }
    store_some(sums, 1, channels, out, k->out_stride);
}

static void four_pixels(const groat_conv_float *k, walk *way, const int8_t *const *rows, const ELEMENT *w,
                        const float *bias, const fpu_ends *ends, uint32_t channels, uint32_t pixel, ELEMENT *out)
{
    (void)way;
    for (uint32_t p = 0; p < FOUR; p++) {
        one_pixel(k, rows, w, bias, ends, channels, pixel + p, out + p * k->out_stride);
    }
}

#endif

/* Whether all inputs and outputs can be loaded and stored. */
static int loadable(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *out)
{
    const uint32_t taps = k->taps > 1 ? k->tap_stride : 0;
    uintptr_t places = (k->run | k->pixel_stride | taps | k->out_stride) * sizeof(ELEMENT);
    for (uint32_t r = 0; r < k->rows; r++) {
        places |= (uintptr_t)rows[r];
    }
    return LOADABLE(places | (uintptr_t)k->weights | (uintptr_t)out);
}

/* Up to four channels of up to four pixels, of numbers that lie anywhere, weights in the order of the model; what is over
 * is the last once more. */
static void some_anywhere(const groat_conv_float *k, const int8_t *const *rows, uint32_t channel, uint32_t channels,
                          uint32_t pixel, uint32_t pixels, ELEMENT *out)
{
    const ELEMENT *w0 = (const ELEMENT *)k->weights + channel * k->rows * k->taps * k->run;
    const ELEMENT *w1 = next_filter(k, w0, channels > 1), *w2 = next_filter(k, w1, channels > 2),
                  *w3 = next_filter(k, w2, channels > 3);
    const uint32_t second = pixels > 1 ? k->pixel_stride : 0, third = second + (pixels > 2 ? k->pixel_stride : 0),
                   fourth = third + (pixels > 3 ? k->pixel_stride : 0);
    FPU_ROWS;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const ELEMENT *x = tap_of(k, rows, r, t, pixel);
            for (uint32_t left = k->run; left > 0; left--, x++) {
                const float y0 = WIDE(*w0++), y1 = WIDE(*w1++), y2 = WIDE(*w2++), y3 = WIDE(*w3++);
                FPU_ROWS_ADD(WIDE(x[0]), WIDE(x[second]), WIDE(x[third]), WIDE(x[fourth]));
            }
        }
    }
    const float sums[] = FPU_ALL_ROWS;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            const float sum = sums[p * FOUR + c] + ((const float *)k->channels)[channel + c];
            out[p * k->out_stride + channel + c] = NARROW(groat_clamp_float(sum, k->act_min, k->act_max));
        }
    }
}

void KERNEL(conv)(const groat_conv_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    if (!loadable(k, rows, out)) {
        for (uint32_t pixel = 0; pixel < pixels; pixel += FOUR) {
            const uint32_t some = pixels - pixel < FOUR ? pixels - pixel : FOUR;
            for (uint32_t o = 0; o < k->channels_out; o += FOUR) {
                const uint32_t channels = k->channels_out - o < FOUR ? k->channels_out - o : FOUR;
                some_anywhere(k, rows, o, channels, pixel, some, out + pixel * k->out_stride);
            }
        }
        return;
    }
    const uint32_t step = k->rows * k->taps * k->run * FOUR; /* from the weights of four channels to the next */
    const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
    walk way = walk_of(k, rows);
    float last[FOUR] = {0}; /* biases, which may end there */
    const uint32_t fours = k->channels_out / FOUR * FOUR;
    for (uint32_t o = fours; o < k->channels_out; o++) {
        last[o - fours] = ((const float *)k->channels)[o];
    }
    for (uint32_t pixel = 0, count; pixel < pixels; pixel += count, out += count * k->out_stride) {
        const ELEMENT *w = k->weights;
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
