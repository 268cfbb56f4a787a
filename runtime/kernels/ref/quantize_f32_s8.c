/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int8: round(x / scale) + zero_point, ties away from zero.
 *
 * Cores without a floating-point unit would spend hundreds of instructions on each element; they take the bits of a
 * float for the integers that they are.  The scalar kernel set does so everywhere, so that the host can test it.
 */
#include "../kernels.h"

#if defined(GROAT_ISA_SCALAR) || (defined(__arm__) && !defined(__ARM_FP)) || \
    (defined(__riscv) && !defined(__riscv_flen))
#define GROAT_FLOATS_ARE_BITS 1
#else
#define GROAT_FLOATS_ARE_BITS 0
#endif

#define SIGN 0x80000000u
#define INFINITY_BITS 0x7f800000u
#define MANTISSA_BITS 23
#define LEADING_ONE (1u << MANTISSA_BITS)
/* Beyond it every zero point saturates. */
#define SATURATES 256

/* The sum of the zero point and a magnitude, on one side of it or the other. */
static inline int8_t above(int32_t zero_point, int32_t magnitude)
{
    int32_t y = zero_point + magnitude;
    return (int8_t)(y > INT8_MAX ? INT8_MAX : y);
}

static inline int8_t below(int32_t zero_point, int32_t magnitude)
{
    int32_t y = zero_point - magnitude;
    return (int8_t)(y < INT8_MIN ? INT8_MIN : y);
}

#if GROAT_FLOATS_ARE_BITS

/* A positive float: mantissa * 2^(exponent - 150), with 2^23 <= mantissa < 2^24. */
typedef struct parts {
    uint32_t mantissa;
    int32_t exponent;
} parts;

/* Of a finite number other than zero; subnormal ones get exponents below 1. */
static parts parts_of(uint32_t bits)
{
    parts p = {bits & (LEADING_ONE - 1), (int32_t)(bits >> MANTISSA_BITS)};
    if (p.exponent != 0) {
        p.mantissa |= LEADING_ONE;
        return p;
    }
    for (p.exponent = 1; p.mantissa < LEADING_ONE; p.exponent--) {
        p.mantissa <<= 1;
    }
    return p;
}

/* floor(2^55 / mantissa), or the most that fits. */
static uint32_t reciprocal_of(uint32_t mantissa)
{
    uint32_t quotient = 0, rest = LEADING_ONE;
    if (mantissa == LEADING_ONE) {
        return UINT32_MAX;
    }
    for (int bit = 0; bit < 32; bit++) {
        rest <<= 1;
        quotient <<= 1;
        if (rest >= mantissa) {
            rest -= mantissa;
            quotient++;
        }
    }
    return quotient;
}

typedef struct divisor {
    parts scale;
    uint32_t reciprocal;
} divisor;

/* x / scale is estimated with this many fractional bits.  The estimate is at most 3 of its last places too low.  As a
 * float, the quotient rounds up to a tie from at most 2^-17 below: 32 places.  An estimate nearer to a tie than that
 * decides nothing. */
#define PLACES 22
#define DOUBT 35u
#define PLACES_OF_PRODUCT 31

/* An estimate that a tie, and all that may be one, rounds up. */
static inline uint32_t estimate(uint32_t mantissa, uint32_t reciprocal, uint32_t shift)
{
    uint32_t quotient = (uint32_t)((uint64_t)(mantissa << 8) * reciprocal >> 32);
    return (quotient >> shift) + (1u << (PLACES - 1)) + DOUBT;
}

/* |x| / scale, rounded as a float and then to an integer, with no doubt; of numbers beyond +-256 no more than that. */
static int32_t __attribute__((noinline)) magnitude_of(uint32_t bits, const divisor *d)
{
    /* Below 2^-2 and from 2^8 on, there is nothing to find out. */
    int32_t exponent = (int32_t)(bits >> MANTISSA_BITS) - d->scale.exponent;
    if (bits == 0 || (exponent < -2 && bits >= LEADING_ONE)) {
        return 0;
    }
    parts x = parts_of(bits);
    exponent = x.exponent - d->scale.exponent;
    if (exponent < -2) {
        return 0;
    }
    if (bits >= INFINITY_BITS || exponent > 8) {
        return SATURATES;
    }
    /* n is the result, or the result is one less: that is, x / scale lies below the middle between the tie n - 1/2
     * and the float before it, 2n - 1 with zeros behind it to 25 digits, less one.  The middle itself rounds to the
     * tie, which is even. */
    uint32_t n = estimate(x.mantissa, d->reciprocal, (uint32_t)(PLACES_OF_PRODUCT - PLACES - exponent)) >> PLACES;
    if (n == 0) {
        return 0;
    }
    int32_t digits = 0;
    for (uint32_t rest = 2 * n - 2; rest > 0; rest >>= 1) {
        digits++;
    }
    uint32_t middle = ((2 * n - 1) << (25 - digits)) - 1;
    uint64_t least = (uint64_t)d->scale.mantissa * middle;
    return (int32_t)n - ((uint64_t)x.mantissa << (26 - digits + exponent) < least);
}

void groat_quantize_f32_s8_ref(const groat_quantize_s8 *k, const float *x, int8_t *out, uint32_t count)
{
    const uint32_t *in = (const uint32_t *)(const void *)x;
    divisor d = {.scale = parts_of(k->scale)};
    d.reciprocal = reciprocal_of(d.scale.mantissa);
    const int32_t zero_point = k->zero_point;
    const uint32_t reciprocal = d.reciprocal;
    uint32_t most = (uint32_t)(d.scale.exponent + PLACES_OF_PRODUCT - PLACES - 1);
    if (most < 31 || most >= 255) {
        most = UINT32_MAX; /* subnormal numbers, or what is none, would be among them: look at all closely */
    }
    for (const uint32_t *end = in + count; in != end; in++, out++) {
        uint32_t bits = *in;
        /* Quotients from 2^-22 to 2^9; a mantissa of another exponent, or near a tie, is looked at closely. */
        uint32_t shift = most - (bits << 1 >> (MANTISSA_BITS + 1)), n = 0;
        if (__builtin_expect(shift < 31, 1)) {
            n = estimate((bits | LEADING_ONE) & (2 * LEADING_ONE - 1), reciprocal, shift + 1);
        }
        if (__builtin_expect(n << (32 - PLACES) < DOUBT << (32 - PLACES), 0)) {
            if ((bits & ~SIGN) > INFINITY_BITS) {
                *out = INT8_MIN; /* not a number */
                continue;
            }
            n = (uint32_t)magnitude_of(bits & ~SIGN, &d) << PLACES;
        }
        *out =
            (int32_t)bits < 0 ? below(zero_point, (int32_t)(n >> PLACES)) : above(zero_point, (int32_t)(n >> PLACES));
    }
}

#else

typedef union single {
    float number;
    uint32_t bits;
} single;

static uint32_t bits_of(float x)
{
    const single both = {x};
    return both.bits;
}

static float float_of(uint32_t bits)
{
    const single both = {.bits = bits};
    return both.number;
}

void groat_quantize_f32_s8_ref(const groat_quantize_s8 *k, const float *in, int8_t *out, uint32_t count)
{
    const float scale = float_of(k->scale);
    const int32_t zero_point = k->zero_point;
    /* Quotients below fit the conversion; beyond are those that saturate, and what is not a number. */
    const uint32_t limit = bits_of(scale * (2.0f * SATURATES));
    for (const float *end = in + count; in != end; in++, out++) {
        uint32_t bits = bits_of(*in);
        if (__builtin_expect((bits & ~SIGN) >= limit, 0)) {
            *out = (bits & ~SIGN) > INFINITY_BITS ? INT8_MIN
                   : (int32_t)bits < 0            ? below(zero_point, SATURATES)
                                                  : above(zero_point, SATURATES);
            continue;
        }
        /* Adding a half would itself round; a fixed point of 16 places only truncates, and tells what is a tie. */
        int32_t q = (int32_t)(*in / scale * 65536.0f);
        int32_t y = ((q + 32768 - (q < 0)) >> 16) + zero_point;
        *out = (int8_t)(y < INT8_MIN ? INT8_MIN : y > INT8_MAX ? INT8_MAX : y);
    }
}

#endif
