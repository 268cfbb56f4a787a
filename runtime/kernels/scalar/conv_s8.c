/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers without SIMD: three pixels in two multiplications (triples.h).  A single pixel takes the
 * plain way, eight channels at once.
 *
 * Weights are stored in blocks of eight channels, [block][tap][8]; a channel's constants say which output it is.  Blocks
 * of weights, and quads of constants, are filled up with copies of the last channel.
 * layout 0: single pixels only.
 * layout l + 16 * g + 128 * f: passes of 8 * (l + 1) products, g + 1 of them a group (groat_scalar_passes).
 */
#include "triples.h"

#define INLINE inline __attribute__((always_inline))

/* As many accumulators of one pixel as fit the registers. */
#if defined(__ARM_ARCH_6M__)
#define SINGLE_LANES 4u
#else
#define SINGLE_LANES LANES
#endif
groat_scalar_passes groat_scalar_passes_of(const groat_conv_s8 *k)
{
    const uint32_t depth = (uint32_t)groat_scalar_depth(k), length = 8 * (k->layout % 16 + 1);
    const int folds = k->layout / 128 != 0;
    return (groat_scalar_passes){length < depth ? length : depth, length * (k->layout / 16 % 8 + 1), folds};
}

int groat_conv_s8_needs_scalar(const groat_conv_s8 *k, groat_needs *needs)
{
    const uint64_t depth = groat_scalar_depth(k);
    needs->weights_bytes = ((uint64_t)k->channels_out + LANES - 1) / LANES * LANES * depth;
    needs->channels_bytes = ((uint64_t)k->channels_out + QUAD - 1) / QUAD * QUAD * sizeof(groat_scalar_channel);
    needs->scratch_bytes = 0;
    if (k->layout != 0) {
        const groat_scalar_passes p = groat_scalar_passes_of(k);
        uint32_t words = p.length * MAX_WORDS;
        words += groat_scalar_kept(k, p.length < depth) * MAX_WORDS;
        words += p.group < depth ? groat_scalar_kept(k, 1) * MAX_PIXELS : 0;
        needs->scratch_bytes = words * sizeof(uint32_t);
    }
    /* So that none of the products above has wrapped; positions have 16 bits. */
    return k->layout < 256 && depth < 1u << 28 && k->channels_out < 1u << 16;
}

int groat_conv_s8_check_scalar(const groat_conv_s8 *k)
{
    return groat_scalar_channels_valid(k->channels, (k->channels_out + QUAD - 1) / QUAD * QUAD, k->channels_out);
}

void groat_scalar_finish(const groat_conv_s8 *k, const groat_scalar_channel *c, const uint32_t *sums, uint32_t count,
                         int8_t *out)
{
    const int constant = k->acc_offset == 0 && groat_scalar_constant(c);
    for (; count > 0; count--, sums++, out += k->out_stride) {
        int32_t y = c->offset;
        if (!constant) {
            int32_t acc = groat_add_wrap((int32_t)*sums, k->acc_offset);
            y = groat_clamp(groat_scalar_general(acc, c, k->output_zero_point), k->act_min, k->act_max);
        }
        *out = (int8_t)y;
    }
}

/* gcc would load the weights of several products at once, and run out of registers. */
#define IN_ORDER() __asm__ volatile("" : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3) : : "memory")

/* A product of one input with the weights of eight channels, or of SINGLE_LANES of them. */
#define ACCUMULATE(i)                           \
    do {                                        \
        const uint32_t u = (uint32_t)x[i];      \
        const int8_t *weight = w + (i) * LANES; \
        a0 += u * (uint32_t)weight[0];          \
        a1 += u * (uint32_t)weight[1];          \
        a2 += u * (uint32_t)weight[2];          \
        a3 += u * (uint32_t)weight[3];          \
        if (SINGLE_LANES == 8) {                \
            a4 += u * (uint32_t)weight[4];      \
            a5 += u * (uint32_t)weight[5];      \
            a6 += u * (uint32_t)weight[6];      \
            a7 += u * (uint32_t)weight[7];      \
        }                                       \
        IN_ORDER();                             \
    } while (0)

/* One block of channels, or as much of it as fits the registers. */
static INLINE void accumulate(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, const int8_t *w,
                              uint32_t *sums)
{
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *tap = rows[r] + start;
        for (uint32_t t = 0; t < k->taps; t++, tap += k->tap_stride) {
            const int8_t *x = tap;
            const int8_t *end = x + k->run;
            for (const int8_t *fours = x + k->run / 4 * 4; x != fours; x += 4, w += 4 * LANES) {
                ACCUMULATE(0);
                ACCUMULATE(1);
                ACCUMULATE(2);
                ACCUMULATE(3);
            }
            for (; x != end; x++, w += LANES) {
                ACCUMULATE(0);
            }
        }
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    if (SINGLE_LANES == 8) {
        sums[4] = a4;
        sums[5] = a5;
        sums[6] = a6;
        sums[7] = a7;
    }
}

static void __attribute__((noinline)) one_block(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start,
                                                const int8_t *w, uint32_t *sums)
{
    for (uint32_t lane = 0; lane < LANES; lane += SINGLE_LANES) {
        accumulate(k, rows, start, w + lane, sums + lane);
    }
}

#if GROAT_SCALAR_RISCV
/* Two blocks of channels that lie `block` bytes apart. */
static void __attribute__((noinline)) two_blocks(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start,
                                                 const int8_t *w, uint32_t block, uint32_t *sums)
{
    for (uint32_t i = 0; i < 2 * LANES; i++) {
        sums[i] = 0;
    }
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *x = rows[r] + start;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += k->run * LANES) {
            groat_scalar_run(x, x + k->run, w, w + block, sums);
        }
    }
}
#endif

/* Apart, so that the sum of a proven channel need not lie in memory. */
static void __attribute__((noinline)) finish_one(const groat_conv_s8 *k, const groat_scalar_channel *c, uint32_t acc,
                                                 int8_t *out)
{
    groat_scalar_finish(k, c, &acc, 1, out);
}

static void single_pixel(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, int8_t *out)
{
    const groat_scalar_channel *c = k->channels;
    const int8_t *w = k->weights;
    const uint32_t block = (uint32_t)groat_scalar_depth(k) * LANES;
    const int simple = groat_scalar_is_simple(k);
    const int32_t low = k->act_min, high = k->act_max, rectified = low == k->output_zero_point;
    for (const groat_scalar_channel *end = c + k->channels_out; c != end;) {
        uint32_t sums[2 * LANES];
        const uint32_t *sum = sums, *last = sums + LANES;
#if GROAT_SCALAR_RISCV
        if ((uint32_t)(end - c) > LANES) {
            two_blocks(k, rows, start, w, block, sums);
            w += block;
            last += LANES;
        } else
#endif
        {
            one_block(k, rows, start, w, sums);
        }
        w += block;
        last = (uint32_t)(last - sum) < (uint32_t)(end - c) ? last : sum + (end - c);
        for (; sum != last; sum++, c++) {
            int8_t *y = out + c->position;
            const uint32_t acc = (uint32_t)c->bias + *sum;
            if (__builtin_expect(groat_scalar_proven(c) && simple, 1)) {
                const groat_scalar_scaling scaling = {c->multiplier, c->offset, c->shift, low, high, rectified};
                *y = (int8_t)groat_scalar_scale((int32_t)acc, scaling);
            } else {
                finish_one(k, c, acc, y);
            }
        }
    }
}

void groat_conv_s8_scalar(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t done = k->layout != 0 ? groat_scalar_triples(k, rows, out, pixels) : 0;
    for (; done < pixels; done++) {
        single_pixel(k, rows, done * k->pixel_stride, out + done * k->out_stride);
    }
}
