/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layers with weights of four bits, without SIMD: two channels in one multiplication.
 *
 * A word has one input's weights of eight channels, each plus 8: the even channels' nibbles in its lower half, the odd
 * ones' in its upper half.  So masking leaves a pair of weights sixteen bits apart, and one product with the input is
 * both products.  Their sums stay apart for sixteen inputs, whatever the weights are.
 */
#include <stddef.h>

#include "../nibbles.h"
#include "scalar.h"

#define LANES 8u
#define CHUNK 16u /* 16 * 15 * 128 < 2^15 */
#define PAIR 0x000F000Fu

int groat_dense_s4_needs_scalar(const groat_dense_s4 *k, groat_needs *needs)
{
    uint64_t blocks = ((uint64_t)k->channels_out + LANES - 1) / LANES;
    needs->weights_bytes = blocks * k->depth * sizeof(uint32_t);
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(groat_scalar_channel);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

int groat_dense_s4_check_scalar(const groat_dense_s4 *k)
{
    return groat_scalar_channels_valid(k->channels, k->channels_out, k->channels_out);
}

/* One input with eight channels.  Left to itself, gcc works on several words at once and runs out of registers. */
#if defined(__riscv)
#define ADD_PRODUCTS(i)                                                                   \
    do {                                                                                  \
        uint32_t n = w[i], t;                                                             \
        __asm__("and %4, %5, %7\n\tmul %4, %4, %6\n\tadd %0, %0, %4\n\t"                  \
                "srl %4, %5, 4\n\tand %4, %4, %7\n\tmul %4, %4, %6\n\tadd %1, %1, %4\n\t" \
                "srl %4, %5, 8\n\tand %4, %4, %7\n\tmul %4, %4, %6\n\tadd %2, %2, %4\n\t" \
                "srl %5, %5, 12\n\tand %5, %5, %7\n\tmul %5, %5, %6\n\tadd %3, %3, %5"    \
                : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "=&r"(t), "+r"(n)                   \
                : "r"((int32_t)x[i]), "r"(PAIR));                                         \
    } while (0)
#elif defined(__thumb2__)
#define ADD_PRODUCTS(i)                                                                                    \
    do {                                                                                                   \
        uint32_t t;                                                                                        \
        __asm__("and %4, %7, %5\n\tmla %0, %4, %6, %0\n\tand %4, %7, %5, lsr #4\n\tmla %1, %4, %6, %1\n\t" \
                "and %4, %7, %5, lsr #8\n\tmla %2, %4, %6, %2\n\tand %4, %7, %5, lsr #12\n\t"              \
                "mla %3, %4, %6, %3"                                                                       \
                : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "=&r"(t)                                             \
                : "r"(w[i]), "r"((int32_t)x[i]), "r"(PAIR));                                               \
    } while (0)
#else
#define ADD_PRODUCTS(i)              \
    do {                             \
        uint32_t u = (uint32_t)x[i]; \
        uint32_t n = w[i];           \
        a += u * (n & PAIR);         \
        b += u * (n >> 4 & PAIR);    \
        c += u * (n >> 8 & PAIR);    \
        d += u * (n >> 12 & PAIR);   \
    } while (0)
#endif

/* Both sums of a pair, of which the lower one may have borrowed from the upper. */
#define SPLIT(pair, channel)                                           \
    do {                                                               \
        uint32_t low = (uint32_t)(int16_t)(uint16_t)(pair);            \
        s[channel] += low;                                             \
        s[(channel) + 1] += (uint32_t)((int32_t)((pair) - low) >> 16); \
    } while (0)

/* Eight channels: adds to their sums, and returns where the next ones' weights are.  Apart, for its registers' sake. */
static __attribute__((noinline)) const uint32_t *add_up(const uint32_t *w, const int8_t *x, uint32_t depth,
                                                        uint32_t *sums)
{
#if defined(__riscv) /* where they fit the registers */
    uint32_t s[LANES];
    __builtin_memcpy(s, sums, sizeof(s));
#else
    uint32_t *const s = sums;
#endif
    for (const int8_t *end = x + depth; x != end;) {
        const int8_t *stop = end - x < (ptrdiff_t)CHUNK ? end : x + CHUNK;
        uint32_t a = 0, b = 0, c = 0, d = 0;
        for (; stop - x >= 4; x += 4, w += 4) {
            ADD_PRODUCTS(0);
            ADD_PRODUCTS(1);
            ADD_PRODUCTS(2);
            ADD_PRODUCTS(3);
        }
        for (; x != stop; x++, w++) {
            ADD_PRODUCTS(0);
        }
        SPLIT(a, 0);
        SPLIT(b, 2);
        SPLIT(c, 4);
        SPLIT(d, 6);
    }
#if defined(__riscv)
    __builtin_memcpy(sums, s, sizeof(s));
#endif
    return w;
}

void groat_dense_s4_scalar(const groat_dense_s4 *k, const int8_t *x, int8_t *out)
{
    const groat_scalar_channel *c = k->channels;
    const uint32_t *w = k->weights;
    const uint32_t offset = (uint32_t)groat_dense_offset(k->weights_zero_point + 8, groat_sum_of_inputs(x, k->depth));
    /* Proofs are for sums of weights without a zero point. */
    const int plain = k->weights_zero_point == 0;
    for (const int8_t *end = out + k->channels_out; out != end;) {
        uint32_t sums[LANES] = {offset, offset, offset, offset, offset, offset, offset, offset};
        w = add_up(w, x, k->depth, sums);
        uint32_t count = (uint32_t)(end - out) < LANES ? (uint32_t)(end - out) : LANES;
        for (uint32_t i = 0; i < count; i++, c++, out++) {
            int32_t acc = groat_add_wrap(c->bias, (int32_t)sums[i]);
            int32_t y;
            if (plain && groat_scalar_proven(c)) {
                y = groat_scalar_rescale(acc, c->multiplier, c->offset, c->shift);
            } else if (plain && groat_scalar_constant(c)) {
                y = c->offset;
            } else {
                y = groat_scalar_general(acc, c, k->output_zero_point);
            }
            *out = (int8_t)groat_clamp(y, k->act_min, k->act_max);
        }
    }
}
