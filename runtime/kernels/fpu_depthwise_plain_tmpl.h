/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of floats whose weights lie in the order of the model, as those do that are trained, with a
 * floating-point unit: eight channels of a pixel at a time; eight outputs, where all come from one input channel.
 */
enum {
    EIGHT = 8
};

static inline const ELEMENT *input_of(const groat_depthwise_float *k, const int8_t *const *rows, uint32_t r,
                                      uint32_t pixel, uint32_t channel)
{
    return (const ELEMENT *)(const void *)rows[r] + pixel * k->pixel_stride + channel;
}

/* One output: weights are `step` apart. */
static float one(const groat_depthwise_float *k, const int8_t *const *rows, const ELEMENT *w, uint32_t step, float bias,
                 uint32_t pixel, uint32_t channel)
{
    float acc = 0.0f;
    for (uint32_t r = 0; r < k->rows; r++) {
        const ELEMENT *x = input_of(k, rows, r, pixel, channel);
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += step) {
            acc = groat_fma(WIDE(*x), WIDE(*w), acc);
        }
    }
    return groat_clamp_float(acc + bias, k->act_min, k->act_max);
}

#if FPU_ASSEMBLY

#define TAP_OF_EIGHT                                                            \
    LOAD_EIGHT("x", "", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15")   \
    LOAD_EIGHT("w", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23") \
    "add %[x], %[x], %[step]\n\tadd %[w], %[w], %[w_step]\n\t" FPU_EIGHT_PRODUCTS

/* The same of eight outputs of one input channel, to which x moves on. */
#define TAP_OF_ONE                                                              \
    LOAD_ONE("x", "temp", "s8")                                                 \
    LOAD_EIGHT("w", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23") \
    "add %[x], %[x], %[step]\n\tadd %[w], %[w], %[w_step]\n\t" FPU_EIGHT_BY_ONE

#define ROWS_OF_TAPS(tap)                                                                                          \
    __asm__ volatile(                                                                                              \
        "1:\n\t"                                                                                                   \
        "ldr %[x], [%[rows]], #4\n\t"                                                                              \
        "mov %[taps], %[width]\n\t"                                                                                \
        "add %[x], %[x], %[offset]\n"                                                                              \
        "2:\n\t" tap "subs %[taps], %[taps], #1\n\t"                                                               \
        "bne.w 2b\n\t"                                                                                             \
        "subs %[left], %[left], #1\n\t"                                                                            \
        "bne.w 1b"                                                                                                 \
        : [x] "=&r"(x), [w] "+r"(w), [rows] "+r"(rows), [taps] "=&r"(taps), [left] "+r"(left), [temp] "=&r"(temp), \
          FPU_ALL_EIGHT("+w")                                                                                      \
        : [width] "r"(k->taps), [offset] "r"(offset), [step] "r"(step), [w_step] "r"(w_step)                       \
        : FPU_EIGHT_FACTORS, "cc", "memory")

/* Eight outputs of one pixel. */
static void plain_eight(const groat_depthwise_float *k, const int8_t *const *rows, const fpu_ends *ends, uint32_t pixel,
                        uint32_t output, ELEMENT *out)
{
    FPU_EIGHT_SUMS
    FPU_CLEAR_EIGHT;
    const int by_one = k->channels_in == 1;
    const uint32_t offset = (pixel * k->pixel_stride + (by_one ? 0 : output)) * (uint32_t)sizeof(ELEMENT);
    const uint32_t step = (by_one ? k->tap_stride - 1 : k->tap_stride) * (uint32_t)sizeof(ELEMENT);
    const uint32_t w_step = k->channels_in * k->multiplier * (uint32_t)sizeof(ELEMENT);
    const ELEMENT *x, *w = (const ELEMENT *)k->weights + output;
    uint32_t taps, left = k->rows, temp;
    if (by_one) {
        ROWS_OF_TAPS(TAP_OF_ONE);
    } else {
        ROWS_OF_TAPS(TAP_OF_EIGHT);
    }
    FPU_FINISH_EIGHT(ends, (const float *)k->channels + output);
    STORE_SUMS(out);
}

#else

static void plain_eight(const groat_depthwise_float *k, const int8_t *const *rows, const fpu_ends *ends, uint32_t pixel,
                        uint32_t output, ELEMENT *out)
{
    (void)ends;
    const float *bias = k->channels;
    for (uint32_t o = output; o < output + EIGHT; o++) {
        const ELEMENT *w = (const ELEMENT *)k->weights + o;
        out[o - output] = NARROW(one(k, rows, w, k->channels_in * k->multiplier, bias[o], pixel, o / k->multiplier));
    }
}

#endif

/* Weights in the order of the model. */
static void plain(const groat_depthwise_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    const uint32_t channels = k->channels_in * k->multiplier;
    const fpu_ends ends = fpu_ends_of(k->act_min, k->act_max);
    const int eights = (k->multiplier == 1 || k->channels_in == 1) && channels >= EIGHT;
    for (uint32_t p = 0; p < pixels; p++, out += channels) {
        for (uint32_t o = 0; eights && o < channels; o += EIGHT) { /* the last may be computed twice */
            const uint32_t first = o + EIGHT <= channels ? o : channels - EIGHT;
            plain_eight(k, rows, &ends, p, first, out + first);
        }
        for (uint32_t o = 0; !eights && o < channels; o++) {
            out[o] = NARROW(one(k, rows, (const ELEMENT *)k->weights + o, channels, ((const float *)k->channels)[o], p,
                                o / k->multiplier));
        }
    }
}
