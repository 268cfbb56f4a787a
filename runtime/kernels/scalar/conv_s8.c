/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers without SIMD: two pixels in one multiplication.
 *
 * Inputs of two pixels share a word, x0 + x1 * 2^16, so that one product with a weight is both products.  Their sums
 * stay apart while the lower one fits 16 bits.  How many products that is depends on the weights alone: the host has
 * cut the filters of each pair of channels into chunks that cannot overflow, whatever the input, and `lengths` lists
 * them.  A single pixel takes the plain way, eight channels at once.
 *
 * Weights are stored in blocks of eight channels, [block][tap][8], short blocks filled up with zeros.
 * layout 0: no more than that.
 * layout n: lengths of chunks behind them, times 8, pair of channels by pair, in n / 128 bytes for each tap of each pair.
 */
#include "scalar.h"

#define LANES 8u
#define MAX_LENGTH 16u
#define HALF 0x8000u
/* Four pixels at once need twice the scratch; filters of more than 576 products do not get it. */
#define MAX_SCRATCH 4608u

#define INLINE inline __attribute__((always_inline))

/* As many accumulators of one pixel as fit the registers. */
#if defined(__ARM_ARCH_6M__)
#define SINGLE_LANES 4u
#else
#define SINGLE_LANES LANES
#endif
#if defined(__arm__)
#define SINGLE_BLOCKS 1
#else
#define SINGLE_BLOCKS 2
#endif

static uint64_t depth_of(const groat_conv_s8 *k)
{
    return (uint64_t)k->rows * k->taps * k->run;
}

static uint64_t block_bytes(const groat_conv_s8 *k)
{
    return ((uint64_t)k->channels_out + LANES - 1) / LANES * LANES * depth_of(k);
}

static uint64_t lengths_bytes(const groat_conv_s8 *k)
{
    uint64_t pairs = ((uint64_t)k->channels_out + 1) / 2;
    return (pairs * depth_of(k) * k->layout + 127) / 128;
}

static int packs_four(const groat_conv_s8 *k)
{
    return depth_of(k) * 8 <= MAX_SCRATCH;
}

int groat_conv_s8_needs_scalar(const groat_conv_s8 *k, groat_needs *needs)
{
    needs->weights_bytes = block_bytes(k) + lengths_bytes(k);
    needs->channels_bytes = ((uint64_t)k->channels_out + 1) / 2 * 2 * sizeof(groat_scalar_channel);
    needs->scratch_bytes = k->layout == 0 ? 0 : depth_of(k) * (packs_four(k) ? 8u : 4u);
    /* So that none of the products above has wrapped. */
    return k->layout <= 128 && depth_of(k) < 1u << 28 && k->channels_out < 1u << 28;
}

int groat_conv_s8_check_scalar(const groat_conv_s8 *k)
{
    if (!groat_scalar_channels_valid(k->channels, k->channels_out)) {
        return 0;
    }
    /* Each pair's chunks cover its filter exactly: the kernel trusts them. */
    const uint8_t *length = (const uint8_t *)k->weights + block_bytes(k);
    const uint8_t *end = length + lengths_bytes(k);
    for (uint32_t o = 0; o < k->channels_out && k->layout != 0; o += 2) {
        for (uint64_t left = 8 * depth_of(k); left > 0; left -= *length++) {
            if (length == end || *length == 0 || *length % 8 != 0 || *length > 8 * MAX_LENGTH || *length > left) {
                return 0;
            }
        }
    }
    return 1;
}

/* What a proven channel is requantised with, in registers: bytes are written between the uses. */
typedef struct scaling {
    int32_t multiplier, offset, shift;
} scaling;

static INLINE scaling scaling_of(const groat_scalar_channel *c)
{
    return (scaling){c->multiplier, c->offset, c->shift};
}

static INLINE int8_t rescale(uint32_t acc, const scaling s, int32_t low, int32_t high)
{
    return groat_scalar_clamp(groat_scalar_rescale((int32_t)acc, s.multiplier, s.offset, s.shift), low, high);
}

/* Any channel: `count` pixels of it. */
static void finish(const groat_conv_s8 *k, const groat_scalar_channel *c, const uint32_t *sums, uint32_t count,
                   int8_t *out)
{
    const scaling s = scaling_of(c);
    const int32_t low = k->act_min, high = k->act_max;
    for (; count > 0; count--, sums++, out += k->out_stride) {
        if (k->acc_offset != 0 || !(groat_scalar_proven(c) || groat_scalar_constant(c))) {
            int32_t acc = groat_add_wrap((int32_t)*sums, k->acc_offset);
            *out = (int8_t)groat_clamp(groat_scalar_general(acc, c, k->output_zero_point), low, high);
        } else {
            *out = groat_scalar_constant(c) ? (int8_t)s.offset : rescale(*sums, s, low, high);
        }
    }
}

/* ---- One pixel ------------------------------------------------------------------------------------------ */

/* sum += u * weight.  Left to itself, gcc loads the weights of several products at once and runs out of registers. */
#if defined(__riscv)
#define ADD_PRODUCT(sum, weight)                                                                                    \
    do {                                                                                                            \
        uint32_t product;                                                                                           \
        __asm__("lb %1, %2\n\tmul %1, %1, %3\n\tadd %0, %0, %1" : "+r"(sum), "=&r"(product) : "m"(weight), "r"(u)); \
    } while (0)
#define IN_ORDER(a)
#else
#define ADD_PRODUCT(sum, weight) (sum) += u * (uint32_t)(weight)
#define IN_ORDER(a) __asm__ volatile("" : "+r"(a##0), "+r"(a##1), "+r"(a##2), "+r"(a##3) : : "memory")
#endif

/* A product of one input with the weights of eight channels, or of SINGLE_LANES of them. */
#define ACCUMULATE(i, v, a)                     \
    do {                                        \
        const int8_t *weight = v + (i) * LANES; \
        ADD_PRODUCT(a##0, weight[0]);           \
        ADD_PRODUCT(a##1, weight[1]);           \
        ADD_PRODUCT(a##2, weight[2]);           \
        ADD_PRODUCT(a##3, weight[3]);           \
        if (SINGLE_LANES == 8) {                \
            ADD_PRODUCT(a##4, weight[4]);       \
            ADD_PRODUCT(a##5, weight[5]);       \
            ADD_PRODUCT(a##6, weight[6]);       \
            ADD_PRODUCT(a##7, weight[7]);       \
        }                                       \
        IN_ORDER(a);                            \
    } while (0)

/* One input with all accumulators of a visit. */
#define ACCUMULATE_ALL(i)            \
    do {                             \
        uint32_t u = (uint32_t)x[i]; \
        ACCUMULATE(i, w, a);         \
        if (blocks == 2) {           \
            ACCUMULATE(i, w2, b);    \
        }                            \
    } while (0)

#define STORE(sums, a)           \
    do {                         \
        (sums)[0] = a##0;        \
        (sums)[1] = a##1;        \
        (sums)[2] = a##2;        \
        (sums)[3] = a##3;        \
        if (SINGLE_LANES == 8) { \
            (sums)[4] = a##4;    \
            (sums)[5] = a##5;    \
            (sums)[6] = a##6;    \
            (sums)[7] = a##7;    \
        }                        \
    } while (0)

/* One block of channels, or two that lie `block` bytes apart. */
static INLINE void accumulate(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, const uint32_t blocks,
                              const int8_t *w, uint32_t block, uint32_t *sums)
{
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
    uint32_t b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0;
    const int8_t *w2 = blocks == 2 ? w + block : w;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *tap = rows[r] + start;
        for (uint32_t t = 0; t < k->taps; t++, tap += k->tap_stride) {
            const int8_t *x = tap;
            const int8_t *end = x + k->run;
            for (const int8_t *fours = x + k->run / 4 * 4; x != fours; x += 4, w += 4 * LANES, w2 += 4 * LANES) {
                ACCUMULATE_ALL(0);
                ACCUMULATE_ALL(1);
                ACCUMULATE_ALL(2);
                ACCUMULATE_ALL(3);
            }
            for (; x != end; x++, w += LANES, w2 += LANES) {
                ACCUMULATE_ALL(0);
            }
        }
    }
    STORE(sums, a);
    if (blocks == 2) {
        STORE(sums + LANES, b);
    }
}

static void __attribute__((noinline)) one_block(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start,
                                                const int8_t *w, uint32_t *sums)
{
    for (uint32_t lane = 0; lane < LANES; lane += SINGLE_LANES) {
        accumulate(k, rows, start, 1, w + lane, 0, sums + lane);
    }
}

/* Apart, so that the sum of a proven channel need not lie in memory. */
static void __attribute__((noinline)) finish_one(const groat_conv_s8 *k, const groat_scalar_channel *c, uint32_t acc,
                                                 int8_t *out)
{
    finish(k, c, &acc, 1, out);
}

static void single_pixel(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, int8_t *out)
{
    const groat_scalar_channel *c = k->channels;
    const int8_t *w = k->weights;
    const uint32_t block = (uint32_t)depth_of(k) * LANES;
    const int32_t low = k->act_min, high = k->act_max;
    const int plain = k->acc_offset == 0;
    for (const int8_t *end = out + k->channels_out; out != end;) {
        uint32_t sums[2 * LANES];
        const uint32_t *sum = sums, *last = sums + LANES;
#if SINGLE_BLOCKS == 2
        if ((uint32_t)(end - out) > LANES) {
            accumulate(k, rows, start, 2, w, block, sums);
            w += block;
            last += LANES;
        } else
#endif
        {
            one_block(k, rows, start, w, sums);
        }
        w += block;
        last = (uint32_t)(last - sum) < (uint32_t)(end - out) ? last : sum + (end - out);
        for (; sum != last; sum++, c++, out++) {
            const uint32_t acc = (uint32_t)c->bias + *sum;
            if (__builtin_expect(groat_scalar_proven(c) && plain, 1)) {
                *out = rescale(acc, scaling_of(c), low, high);
            } else {
                finish_one(k, c, acc, out);
            }
        }
    }
}

/* ---- Two or four pixels --------------------------------------------------------------------------------- */

#define WORDS 1u
#define FUNCTION(name) name##_of_two
#include "packed_pixels_tmpl.h"
#undef WORDS
#undef FUNCTION

#define WORDS 2u
#define FUNCTION(name) name##_of_four
#include "packed_pixels_tmpl.h"
#undef WORDS
#undef FUNCTION

void groat_conv_s8_scalar(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t start = 0;
    for (; pixels >= 4 && k->layout != 0 && packs_four(k); pixels -= 4) {
        pixels_of_four(k, rows, start, out);
        start += 4 * k->pixel_stride;
        out += 4 * k->out_stride;
    }
    for (; pixels >= 2 && k->layout != 0; pixels -= 2) {
        pixels_of_two(k, rows, start, out);
        start += 2 * k->pixel_stride;
        out += 2 * k->out_stride;
    }
    for (; pixels > 0; pixels--) {
        single_pixel(k, rows, start, out);
        start += k->pixel_stride;
        out += k->out_stride;
    }
}
