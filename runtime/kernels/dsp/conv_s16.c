/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of int16 activations with the DSP extension: two output channels by two pixels, two
 * products an instruction.  Layout 0 is the portable one; layout 1 is for layers whose sums are proven to fit 32 bits
 * (python/groat/pack/layouts/narrow_s16.py), and then a sum is scaled by one multiplication and one shift.
 */
#include "../narrow_s16.h"
#include "dsp.h"

enum {
    BLOCK = 2
};

int groat_conv_s16_needs_dsp(const groat_conv_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_conv_s16_needs_ref(k, needs);
    }
    uint64_t pairs = (k->channels_out + 1ull) / BLOCK;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * ((k->run + 3ull) / 4) * pairs * BLOCK * sizeof(int32_t);
    needs->channels_bytes = pairs * BLOCK * sizeof(narrow_channel_s16);
    needs->scratch_bytes = 0;
    return k->layout == 1;
}

int groat_conv_s16_check_dsp(const groat_conv_s16 *k)
{
    if (k->layout == 0) {
        return groat_conv_s16_check_ref(k);
    }
    return narrow_s16_valid(k->channels, (k->channels_out + 1) / BLOCK * BLOCK);
}

/* Four taps of two channels meet four inputs of up to two pixels; a word of weights is w0, w2, w1, w3. */
static inline __attribute__((always_inline)) void four_taps(const int32_t *w, const int32_t x[2][2], uint32_t pixels,
                                                            int32_t acc[2][2])
{
    for (uint32_t c = 0; c < BLOCK; c++) {
        int32_t word = w[c];
        int32_t first = __sxtb16(word);
        int32_t second = __sxtb16((int32_t)((uint32_t)word >> 8 | (uint32_t)word << 24));
        for (uint32_t p = 0; p < pixels; p++) {
            acc[c][p] = __smlad(first, x[p][0], acc[c][p]);
            acc[c][p] = __smlad(second, x[p][1], acc[c][p]);
        }
    }
}

#if GROAT_DSP_ASSEMBLY
/* Four taps after the other for two pixels: 19 instructions for 16 products. */
static inline void whole_words(const int32_t **weights, const int16_t **first, const int16_t **second,
                               const int32_t *end, int32_t acc[2][2])
{
    const int32_t *w = *weights;
    const int16_t *a = *first;
    const int16_t *b = *second;
    int32_t wa, wb, u, v, x;
    __asm__("1:\n\t"
            "ldrd %[wa], %[wb], [%[w]], #8\n\t"
            "ldr %[x], [%[a]], #4\n\t"
            "sxtb16 %[u], %[wa]\n\t"
            "sxtb16 %[v], %[wb]\n\t"
            "smlad %[a0], %[u], %[x], %[a0]\n\t"
            "smlad %[b0], %[v], %[x], %[b0]\n\t"
            "ldr %[x], [%[b]], #4\n\t"
            "smlad %[a1], %[u], %[x], %[a1]\n\t"
            "smlad %[b1], %[v], %[x], %[b1]\n\t"
            "ldr %[x], [%[a]], #4\n\t"
            "sxtb16 %[u], %[wa], ror #8\n\t"
            "sxtb16 %[v], %[wb], ror #8\n\t"
            "smlad %[a0], %[u], %[x], %[a0]\n\t"
            "smlad %[b0], %[v], %[x], %[b0]\n\t"
            "ldr %[x], [%[b]], #4\n\t"
            "smlad %[a1], %[u], %[x], %[a1]\n\t"
            "smlad %[b1], %[v], %[x], %[b1]\n\t"
            "cmp %[w], %[end]\n\t"
            "bne 1b"
            : [w] "+r"(w), [a] "+r"(a), [b] "+r"(b), [a0] "+r"(acc[0][0]), [a1] "+r"(acc[0][1]), [b0] "+r"(acc[1][0]),
              [b1] "+r"(acc[1][1]), [wa] "=&r"(wa), [wb] "=&r"(wb), [u] "=&r"(u), [v] "=&r"(v), [x] "=&r"(x)
            : [end] "r"(end)
            : "cc", "memory");
    *weights = w;
    *first = a;
    *second = b;
}

/* For one pixel: 13 instructions for 8 products. */
static inline void whole_words_of_one(const int32_t **weights, const int16_t **start, const int32_t *end,
                                      int32_t acc[2][2])
{
    const int32_t *w = *weights;
    const int16_t *a = *start;
    int32_t wa, wb, u, v, x, y;
    __asm__("1:\n\t"
            "ldrd %[wa], %[wb], [%[w]], #8\n\t"
            "ldr %[x], [%[a]], #4\n\t"
            "ldr %[y], [%[a]], #4\n\t"
            "sxtb16 %[u], %[wa]\n\t"
            "sxtb16 %[v], %[wb]\n\t"
            "smlad %[a0], %[u], %[x], %[a0]\n\t"
            "smlad %[b0], %[v], %[x], %[b0]\n\t"
            "sxtb16 %[u], %[wa], ror #8\n\t"
            "sxtb16 %[v], %[wb], ror #8\n\t"
            "smlad %[a0], %[u], %[y], %[a0]\n\t"
            "smlad %[b0], %[v], %[y], %[b0]\n\t"
            "cmp %[w], %[end]\n\t"
            "bne 1b"
            : [w] "+r"(w), [a] "+r"(a), [a0] "+r"(acc[0][0]), [b0] "+r"(acc[1][0]), [wa] "=&r"(wa), [wb] "=&r"(wb),
              [u] "=&r"(u), [v] "=&r"(v), [x] "=&r"(x), [y] "=&r"(y)
            : [end] "r"(end)
            : "cc", "memory");
    *weights = w;
    *start = a;
}
#endif

/* One run; returns the weights behind it. */
static inline __attribute__((always_inline)) const int32_t *add_run(const int32_t *w, const int16_t *const start[2],
                                                                    uint32_t run, uint32_t pixels, int32_t acc[2][2])
{
    const int32_t *first = w;
    const int16_t *a = start[0];
    const int16_t *b = start[1];
#if GROAT_DSP_ASSEMBLY
    if (run >= 4 && pixels > 1) {
        whole_words(&w, &a, &b, w + run / 4 * BLOCK, acc);
    } else if (run >= 4) {
        whole_words_of_one(&w, &a, w + run / 4 * BLOCK, acc);
        b = a;
    }
#endif
    for (const int32_t *end = first + run / 4 * BLOCK; w < end; w += BLOCK, a += 4, b += 4) {
        const int32_t x[2][2] = {{dsp_load(a), dsp_load(a + 2)},
                                 {pixels > 1 ? dsp_load(b) : 0, pixels > 1 ? dsp_load(b + 2) : 0}};
        four_taps(w, x, pixels, acc);
    }
    uint32_t rest = run % 4;
    if (rest > 0) {
        int32_t x[2][2] = {{0, 0}, {0, 0}};
        for (uint32_t i = 0; i < rest; i++) {
            x[0][i / 2] |= (int32_t)((uint32_t)(uint16_t)a[i] << 16 * (i % 2));
            x[1][i / 2] |= (int32_t)((uint32_t)(uint16_t)b[i] << 16 * (i % 2));
        }
        four_taps(w, (const int32_t (*)[2])x, pixels, acc);
        w += BLOCK;
    }
    return w;
}

static inline int16_t finish(const groat_conv_s16 *k, int32_t acc, const narrow_channel_s16 *c)
{
    int32_t y = __smlawb(acc, c->multiplier, c->half) >> c->shift;
    return (int16_t)groat_clamp(y, k->act_min, k->act_max);
}

/* All channels of one or two pixels. */
static inline __attribute__((always_inline)) void block(const groat_conv_s16 *k, const int8_t *const *rows,
                                                        uint32_t offset, int16_t *out, uint32_t pixels)
{
    const narrow_channel_s16 *channel = k->channels;
    const int32_t *w = k->weights;
    for (uint32_t o = 0; o < k->channels_out; o += BLOCK, channel += BLOCK) {
        int32_t acc[2][2] = {{channel[0].bias, channel[0].bias}, {channel[1].bias, channel[1].bias}};
        for (uint32_t r = 0; r < k->rows; r++) {
            const int16_t *x = (const int16_t *)(const void *)rows[r] + offset;
            for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride) {
                const int16_t *const start[2] = {x, pixels > 1 ? x + k->pixel_stride : x};
                w = add_run(w, start, k->run, pixels, acc);
            }
        }
        for (uint32_t p = 0; p < pixels; p++) {
            out[p * k->out_stride] = finish(k, acc[0][p], &channel[0]);
        }
        out++;
        if (o + 1 < k->channels_out) {
            for (uint32_t p = 0; p < pixels; p++) {
                out[p * k->out_stride] = finish(k, acc[1][p], &channel[1]);
            }
            out++;
        }
    }
}

void groat_conv_s16_dsp(const groat_conv_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_conv_s16_ref(k, rows, out, pixels);
        return;
    }
    uint32_t p = 0;
    for (; p + 1 < pixels; p += 2) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, 2);
    }
    if (p < pixels) {
        block(k, rows, p * k->pixel_stride, out + p * k->out_stride, 1);
    }
}
