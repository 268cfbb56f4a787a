/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels for cores without SIMD share: a channel's constants, and requantisation by one high product.
 */
#ifndef GROAT_SCALAR_H
#define GROAT_SCALAR_H

#include "../kernels.h"
#include "../requantize.h"

/* Inner loops in assembly. */
#if defined(__riscv) && __riscv_xlen == 32
#define GROAT_SCALAR_RISCV 1
#else
#define GROAT_SCALAR_RISCV 0
#endif
#if defined(__arm__) && defined(__thumb2__)
#define GROAT_SCALAR_ARM 1
#else
#define GROAT_SCALAR_ARM 0
#endif

/* Constants of one channel, as python/groat/pack/layouts/scalar.py writes them. */
typedef struct groat_scalar_channel {
    int32_t bias;
    int32_t multiplier;
    int32_t offset;     /* both roundings and the zero point of the output; or the output */
    uint16_t shift;
    uint16_t position;  /* which output it is */
} groat_scalar_channel;

/* shift 0 to 31: requantisation is one high product, one addition and one shift.  The host has proven that this
 * gives the same bytes as rounding twice, for any input.
 * Else the shift of groat_requantize, -31 to 30, with one of these added: no such proof; or all accumulators there can
 * be give `offset`, clamped; or so do those of the channels that follow.  Pruned networks are full of such channels. */
#define GROAT_SCALAR_GENERAL 64
#define GROAT_SCALAR_CONSTANT 128
#define GROAT_SCALAR_ALL_CONSTANT 256

/* Nothing in the constants makes groat_requantize, or a shift, undefined; no position lies outside. */
int groat_scalar_channels_valid(const void *channels, uint32_t count, uint32_t positions);

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

/* Of this channel and all that follow. */
static inline int groat_scalar_all_constant(const groat_scalar_channel *channel)
{
    return channel->shift > GROAT_SCALAR_ALL_CONSTANT - 32;
}

/* The upper half of the product of two signed words. */
#if defined(__ARM_ARCH_6M__)
int32_t groat_scalar_high(int32_t a, int32_t b); /* too long to be in each place that needs it */
#elif defined(__thumb2__)
/* gcc would make three multiplications of it where the sign of one factor is known. */
static inline int32_t groat_scalar_high(int32_t a, int32_t b)
{
    int32_t low, high;
    __asm__("smull %0, %1, %2, %3" : "=&r"(low), "=&r"(high) : "r"(a), "r"(b));
    (void)low;
    return high;
}
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

/* How a proven channel is scaled, where low <= zero point of the output <= high: what is not negative need not be
 * compared with `low`, nor what is negative with `high`.  If low is the zero point, as behind a RELU, all that is
 * negative becomes `low`.  The result is within int8. */
typedef struct groat_scalar_scaling {
    int32_t multiplier, offset, shift, low, high, rectified;
} groat_scalar_scaling;

static inline int groat_scalar_simple(int32_t low, int32_t zero_point, int32_t high)
{
    return low <= zero_point && zero_point <= high;
}

static inline groat_scalar_scaling groat_scalar_scaling_of(const groat_scalar_channel *c, int32_t low,
                                                           int32_t zero_point, int32_t high)
{
    groat_scalar_scaling s = {c->multiplier, c->offset, c->shift, low, high, low == zero_point};
    return s;
}

static inline int32_t groat_scalar_scale(int32_t acc, const groat_scalar_scaling s)
{
#if defined(__riscv)
    __asm__("bltz %0, 2f\n\t"
            "slli %0, %0, 2\n\t"
            "mulh %0, %0, %1\n\t"
            "add %0, %0, %2\n\t"
            "sra %0, %0, %3\n\t"
            "bge %5, %0, 4f\n\t"
            "mv %0, %5\n\t"
            "j 4f\n"
            "2:\t"
            "bnez %6, 3f\n\t"
            "slli %0, %0, 2\n\t"
            "mulh %0, %0, %1\n\t"
            "addi %0, %0, -2\n\t"
            "add %0, %0, %2\n\t"
            "sra %0, %0, %3\n\t"
            "bge %0, %4, 4f\n"
            "3:\t"
            "mv %0, %4\n"
            "4:"
            : "+&r"(acc)
            : "r"(s.multiplier), "r"(s.offset), "r"(s.shift), "r"(s.low), "r"(s.high), "r"(s.rectified));
    return acc;
#else
    if (acc < 0) {
        if (s.rectified) {
            return s.low;
        }
        int32_t y = groat_scalar_rescale(acc, s.multiplier, s.offset, s.shift);
        return y < s.low ? s.low : y;
    }
    int32_t y = groat_scalar_rescale(acc, s.multiplier, s.offset, s.shift);
    return y > s.high ? s.high : y;
#endif
}

#endif
