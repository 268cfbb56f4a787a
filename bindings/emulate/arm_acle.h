/* SPDX-License-Identifier: Apache-2.0
 *
 * The Arm DSP intrinsics that the `dsp` kernels name, in plain C, so that their sources run on this host too.
 * Sums wrap modulo 2^32 as the instructions' do.
 */
#ifndef GROAT_EMULATE_ARM_ACLE_H
#define GROAT_EMULATE_ARM_ACLE_H

#include <stdint.h>

typedef int32_t int8x4_t;
typedef int32_t int16x2_t;

static inline int32_t emulate_low(int32_t x)
{
    return (int16_t)x;
}

static inline int32_t emulate_high(int32_t x)
{
    return x >> 16;
}

/* Bytes 0 and 2, sign-extended to halfwords. */
static inline int16x2_t __sxtb16(int8x4_t x)
{
    return (int32_t)((uint32_t)(uint16_t)(int8_t)x | (uint32_t)(int8_t)(x >> 16) << 16);
}

/* Each halfword of x plus one of those bytes, modulo 2^16. */
static inline int16x2_t __sxtab16(int16x2_t x, int8x4_t y)
{
    uint32_t bytes = (uint32_t)__sxtb16(y);
    uint32_t high = ((uint32_t)x & 0xffff0000u) + (bytes & 0xffff0000u);
    return (int32_t)(high | (((uint32_t)x + bytes) & 0xffffu));
}

static inline int16x2_t __sadd16(int16x2_t a, int16x2_t b)
{
    uint32_t low = (uint32_t)(emulate_low(a) + emulate_low(b)) & 0xffffu;
    return (int16x2_t)((uint32_t)(emulate_high(a) + emulate_high(b)) << 16 | low);
}

static inline int16x2_t __ssub16(int16x2_t a, int16x2_t b)
{
    uint32_t low = (uint32_t)(emulate_low(a) - emulate_low(b)) & 0xffffu;
    return (int16x2_t)((uint32_t)(emulate_high(a) - emulate_high(b)) << 16 | low);
}

static inline uint32_t __usada8(uint32_t a, uint32_t b, uint32_t acc)
{
    for (uint32_t bits = 0; bits < 32; bits += 8) {
        const uint32_t x = a >> bits & 0xFFu, y = b >> bits & 0xFFu;
        acc += x > y ? x - y : y - x;
    }
    return acc;
}

static inline int32_t __smlad(int16x2_t a, int16x2_t b, int32_t acc)
{
    uint32_t low = (uint32_t)(emulate_low(a) * emulate_low(b));
    uint32_t high = (uint32_t)(emulate_high(a) * emulate_high(b));
    return (int32_t)((uint32_t)acc + low + high);
}

/* The product of a word and a low halfword, without its lowest 16 bits. */
static inline int32_t __smlawb(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)((int64_t)a * emulate_low(b) >> 16));
}

static inline int32_t __smlabb(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(emulate_low(a) * emulate_low(b)));
}

static inline int32_t __smlatb(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(emulate_high(a) * emulate_low(b)));
}

static inline int32_t __smlabt(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(emulate_low(a) * emulate_high(b)));
}

static inline int32_t __smlatt(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(emulate_high(a) * emulate_high(b)));
}

#endif
