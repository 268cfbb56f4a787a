/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels for cores without SIMD share: a channel's constants, and requantisation by one high product.
 */
#ifndef GROAT_SCALAR_H
#define GROAT_SCALAR_H

#include "../kernels.h"
#include "../requantize.h"

/* Constants of one channel, as python/groat/pack/layouts/scalar.py writes them.
 *
 * shift 0 to 31: requantisation is one high product, one addition and one shift.  The host has proven that this
 * gives the same bytes as rounding twice, for any input.
 * shift 33 to 94: no such proof; 64 + the shift of groat_requantize.
 * shift 97 to 158: all accumulators there can be give `offset`, clamped; 128 + the shift of groat_requantize.  Pruned
 * networks are full of such channels. */
typedef struct groat_scalar_channel {
    int32_t bias;
    int32_t multiplier;
    int32_t offset;     /* both roundings and the zero point of the output; or the output */
    int32_t shift;
} groat_scalar_channel;

#define GROAT_SCALAR_GENERAL 64
#define GROAT_SCALAR_CONSTANT 128

/* Nothing in the constants makes groat_requantize, or a shift, undefined. */
int groat_scalar_channels_valid(const void *channels, uint32_t count);

/* Any accumulator of any channel: rounded twice, zero point added, not clamped. */
int32_t groat_scalar_general(int32_t acc, const groat_scalar_channel *channel, int32_t output_zero_point);

static inline int groat_scalar_proven(const groat_scalar_channel *channel)
{
    return channel->shift < 32;
}

static inline int groat_scalar_constant(const groat_scalar_channel *channel)
{
    return channel->shift > GROAT_SCALAR_CONSTANT - 32;
}

/* The upper half of the product of two signed words. */
#if defined(__ARM_ARCH_6M__)
int32_t groat_scalar_high(int32_t a, int32_t b); /* too long to be in each place that needs it */
#else
static inline int32_t groat_scalar_high(int32_t a, int32_t b)
{
    return (int32_t)((int64_t)a * b >> 32);
}
#endif

/* An accumulator of a proven channel.  Twice rounding is once shifting: the product keeps one bit below the first
 * rounding, and floors of floors are floors.  A negative number rounds half away from zero, so one less is added. */
static inline int32_t groat_scalar_rescale(int32_t acc, int32_t multiplier, int32_t offset, int32_t shift)
{
    int32_t y = groat_scalar_high((int32_t)((uint32_t)acc << 2), multiplier);
    if (acc < 0) {
        y -= 2;
    }
    return groat_add_wrap(y, offset) >> shift;
}

/* As groat_clamp, by two branches that are rarely taken: compilers would move the result about instead. */
static inline int8_t groat_scalar_clamp(int32_t x, int32_t low, int32_t high)
{
#if defined(__riscv)
    __asm__("bge %0, %1, 1f\n\tmv %0, %1\n1:\tbge %2, %0, 2f\n\tmv %0, %2\n2:" : "+r"(x) : "r"(low), "r"(high));
    return (int8_t)x;
#else
    return (int8_t)groat_clamp(x, low, high);
#endif
}

#endif
