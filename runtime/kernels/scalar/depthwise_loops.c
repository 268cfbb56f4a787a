/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of depthwise convolution where there is no assembly: windows that slide along a row, channel by
 * channel.
 */
#include "depthwise.h"

#if !GROAT_SCALAR_RISCV

#define INLINE inline __attribute__((always_inline))

/* ---- 3x3 windows: nine weights stay in registers ---------------------------------------------------------- */

/* sum = start + the column's products with column t of the weights, one after the other: gcc would add them up in a
 * tree, and run out of registers. */
#define COLUMN(sum, start, t)       \
    do {                            \
        sum = (start) + x0 * w0##t; \
        __asm__("" : "+r"(sum));    \
        sum += x1 * w1##t;          \
        __asm__("" : "+r"(sum));    \
        sum += x2 * w2##t;          \
        __asm__("" : "+r"(sum));    \
    } while (0)
#define LOAD_COLUMN()       \
    do {                    \
        x0 = (uint32_t)*r0; \
        x1 = (uint32_t)*r1; \
        x2 = (uint32_t)*r2; \
        r0 += step;         \
        r1 += step;         \
        r2 += step;         \
    } while (0)

/* One channel, `o` from the first; its outputs lie `stride` (1 or 2) columns apart. */
static INLINE void slide_channel(const groat_scalar_slide *s, const int8_t *w, const groat_scalar_channel *c,
                                 uint32_t o, const uint32_t stride)
{
    const int8_t *r0 = s->rows[0] + o, *r1 = s->rows[1] + o, *r2 = s->rows[2] + o;
    int8_t *out = s->out + o;
    const uint32_t w00 = (uint32_t)w[0], w01 = (uint32_t)w[4], w02 = (uint32_t)w[8];
    const uint32_t w10 = (uint32_t)w[12], w11 = (uint32_t)w[16], w12 = (uint32_t)w[20];
    const uint32_t w20 = (uint32_t)w[24], w21 = (uint32_t)w[28], w22 = (uint32_t)w[32];
    const uint32_t bias = (uint32_t)c->bias, out_stride = s->out_stride, step = s->step;
    const groat_scalar_scaling scaling = {c->multiplier, c->offset, c->shift, s->low, s->high, s->rectified};
    const int8_t *end = out + s->out_bytes;
    uint32_t x0, x1, x2;

    LOAD_COLUMN();
    uint32_t a, b = 0, sum;
    COLUMN(a, bias, 0);
    if (stride == 1) {
        LOAD_COLUMN();
        COLUMN(a, a, 1);
        COLUMN(b, bias, 0);
    }
    for (;;) {
        if (stride == 2) {
            LOAD_COLUMN();
            COLUMN(a, a, 1);
        }
        LOAD_COLUMN();
        COLUMN(sum, a, 2);
        *out = (int8_t)groat_scalar_scale((int32_t)sum, scaling);
        out += out_stride;
        if (out == end) {
            return;
        }
        if (stride == 1) {
            COLUMN(a, b, 1);
            COLUMN(b, bias, 0);
        } else {
            COLUMN(a, bias, 0);
        }
    }
}

/* Apart, so that all registers are theirs. */
static void __attribute__((noinline)) one_apart(const groat_scalar_slide *s, const int8_t *w,
                                                const groat_scalar_channel *c, uint32_t o)
{
    slide_channel(s, w, c, o, 1);
}

static void __attribute__((noinline)) two_apart(const groat_scalar_slide *s, const int8_t *w,
                                                const groat_scalar_channel *c, uint32_t o)
{
    slide_channel(s, w, c, o, 2);
}

static INLINE void slide_channels(const groat_scalar_slide *s, const uint32_t stride)
{
    const int8_t *w = s->w;
    for (uint32_t o = 0; s->channel + o < s->channels_end; o++) {
        (stride == 1 ? one_apart : two_apart)(s, w, s->channel + o, o);
        w += ((uintptr_t)w & (LANES - 1)) == LANES - 1 ? 8 * LANES + 1 : 1;
    }
}

void groat_scalar_slide_one(groat_scalar_slide *s)
{
    slide_channels(s, 1);
}

void groat_scalar_slide_two(groat_scalar_slide *s)
{
    slide_channels(s, 2);
}

/* ---- Larger ones: five neighbouring outputs share weights and inputs --------------------------------------- */

#if GROAT_SCALAR_WIDE_WINDOWS
/* The `i`th weight from here with the inputs of five pixels: four are there already, the fifth is the next. */
#define TAP(i, v0, v1, v2, v3, v4)                           \
    do {                                                     \
        uint32_t weight = (uint32_t)w[(i) * LANES * stride]; \
        v4 = (uint32_t)*x;                                   \
        x += step;                                           \
        a0 += v0 * weight;                                   \
        a1 += v1 * weight;                                   \
        a2 += v2 * weight;                                   \
        a3 += v3 * weight;                                   \
        a4 += v4 * weight;                                   \
    } while (0)

/* One channel, `o` from the first.  Outputs lie `stride` (1 or 2) taps apart: with two, first all even taps slide over
 * every other input, then all odd ones. */
static INLINE void wide_channel(const groat_scalar_wide *s, const int8_t *weights, const groat_scalar_channel *c,
                                uint32_t o, const uint32_t stride)
{
    const uint32_t step = s->step, out_stride = s->out_stride, taps = s->row_weights / LANES;
    uint32_t a0 = (uint32_t)c->bias, a1 = a0, a2 = a0, a3 = a0, a4 = a0;
    for (const int8_t *const *row = s->rows; row != s->rows_end; row++) {
        for (uint32_t phase = 0; phase < stride; phase++) {
            const int8_t *x = *row + s->start + o + phase * s->tap_stride, *w = weights + phase * LANES;
            uint32_t v0 = (uint32_t)x[0], v1 = (uint32_t)x[step], v2, v3, v4;
            x += 2 * step;
            v2 = (uint32_t)x[0];
            v3 = (uint32_t)x[step];
            x += 2 * step;
            uint32_t t = (taps + stride - 1 - phase) / stride;
            for (; t >= 5; t -= 5, w += 5 * LANES * stride) {
                TAP(0, v0, v1, v2, v3, v4);
                TAP(1, v1, v2, v3, v4, v0);
                TAP(2, v2, v3, v4, v0, v1);
                TAP(3, v3, v4, v0, v1, v2);
                TAP(4, v4, v0, v1, v2, v3);
            }
            if (t >= 1) {
                TAP(0, v0, v1, v2, v3, v4);
            }
            if (t >= 2) {
                TAP(1, v1, v2, v3, v4, v0);
            }
            if (t >= 3) {
                TAP(2, v2, v3, v4, v0, v1);
            }
            if (t == 4) {
                TAP(3, v3, v4, v0, v1, v2);
            }
        }
        weights += s->row_weights;
    }
    const groat_scalar_scaling scaling = {c->multiplier, c->offset, c->shift, s->low, s->high, s->rectified};
    int8_t *out = s->out + o;
    out[0] = (int8_t)groat_scalar_scale((int32_t)a0, scaling);
    out += out_stride;
    out[0] = (int8_t)groat_scalar_scale((int32_t)a1, scaling);
    out += out_stride;
    out[0] = (int8_t)groat_scalar_scale((int32_t)a2, scaling);
    out += out_stride;
    out[0] = (int8_t)groat_scalar_scale((int32_t)a3, scaling);
    out += out_stride;
    out[0] = (int8_t)groat_scalar_scale((int32_t)a4, scaling);
}

/* Apart, so that all registers are theirs. */
static void __attribute__((noinline)) wide_one(const groat_scalar_wide *s, const int8_t *w,
                                               const groat_scalar_channel *c, uint32_t o)
{
    wide_channel(s, w, c, o, 1);
}

static void __attribute__((noinline)) wide_two(const groat_scalar_wide *s, const int8_t *w,
                                               const groat_scalar_channel *c, uint32_t o)
{
    wide_channel(s, w, c, o, 2);
}

/* `pixels` is GROAT_SCALAR_WIDE. */
void groat_scalar_some_wide(groat_scalar_wide *s, uint32_t pixels, uint32_t stride)
{
    const int8_t *w = s->w;
    (void)pixels;
    for (uint32_t o = 0; s->channel + o < s->channels_end; o++) {
        (stride == 1 ? wide_one : wide_two)(s, w, s->channel + o, o);
        w += ((uintptr_t)w & (LANES - 1)) == LANES - 1 ? s->next_block + 1 : 1;
    }
}
#endif

#else
typedef int groat_scalar_no_loops; /* an empty file is not C */
#endif
