/* SPDX-License-Identifier: Apache-2.0
 *
 * exp, log, log(1 + x), the logistic function, tanh and erf of float32, without a library: the same bits on every core.
 * docs/NUMERICS.md has the formulas and how far they are from the true values; tests/python/test_exp.py holds them to
 * that.
 */
#ifndef GROAT_EXP_H
#define GROAT_EXP_H

#include "float.h"

/* 2^n for -126 <= n <= 127. */
static inline float groat_power_of_two(int32_t n)
{
    return groat_float_of((uint32_t)(n + 127) << 23);
}

static inline float groat_exp(float x)
{
    if (!(x < 88.8f)) {
        return x != x ? x : __builtin_inff();
    }
    if (x < -104.0f) {
        return 0.0f;
    }
    /* x = n * log 2 + r; the upper part of log 2 has few bits, so that its product with n is exact. */
    int32_t n = (int32_t)(x * 0x1.715476p+0f + (x < 0.0f ? -0.5f : 0.5f));
    float r = x - (float)n * 0x1.62e4p-1f;
    r = r - (float)n * 0x1.7f7d1cp-20f;
    float q = 0x1.6a2434p-10f;
    q = q * r + 0x1.1239e2p-7f;
    q = q * r + 0x1.5558f2p-5f;
    q = q * r + 0x1.555492p-3f;
    q = q * r + 0x1.fffffcp-2f;
    float y = r * r * q + r + 1.0f;
    int32_t half = n / 2; /* in two steps: 2^n may be too large for a float32, or too small */
    return y * groat_power_of_two(half) * groat_power_of_two(n - half);
}

/* log of 2^extra times a normal number, and `lost`, which is little: the number is 2^n * m, and log m comes by the series of
   z = (m - 1) / (m + 1), |z| <= 0.172. */
static inline float groat_log_of(float number, float extra, float lost)
{
    uint32_t bits = groat_bits_of(number) + (0x3f800000u - 0x3f3504f3u);
    float n = (float)((int32_t)(bits >> 23) - 127) + extra;
    float f = groat_float_of((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float z = f / (2.0f + f);
    float u = z * z;
    float p = 0x1.31e2a8p-2f;
    p = p * u + 0x1.995ebcp-2f;
    p = p * u + 0x1.55557ap-1f;
    /* 2 z = f - z * f, and so little is rounded; the upper part of log 2 has few bits, so that n times it is exact. */
    float rest = z * (u * p - f) + n * 0x1.7f7d1cp-20f + lost;
    return n * 0x1.62e4p-1f + (f + rest);
}

/* log(1 + x) for x >= 0; what is not a number stays so. */
static inline float groat_log1p(float x)
{
    if (!(x < __builtin_inff())) {
        return x;
    }
    float sum = 1.0f + x;
    return groat_log_of(sum, 0.0f, sum > 0x1p+24f ? 0.0f : (x - (sum - 1.0f)) / sum); /* what its rounding lost */
}

static inline float groat_logistic(float x)
{
    float e = groat_exp(x < 0.0f ? x : -x);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static inline float groat_tanh(float x)
{
    float a = x < 0.0f ? -x : x;
    if (a < 0.55f) {
        float u = x * x;
        float p = -0x1.830c02p-8f;
        p = p * u + 0x1.54e01ap-6f;
        p = p * u + -0x1.b89edap-5f;
        p = p * u + 0x1.1109dcp-3f;
        p = p * u + -0x1.55553ep-2f;
        return x + x * u * p;
    }
    float y = 1.0f - 2.0f / (groat_exp(2.0f * a) + 1.0f);
    return x < 0.0f ? -y : y;
}

/* log x; what is not a number stays so, and less than 0 has none. */
static inline float groat_log(float x)
{
    if (!(x > 0.0f) || !(x < __builtin_inff())) {
        return x == 0.0f ? -__builtin_inff() : x < 0.0f ? __builtin_nanf("") : x;
    }
    /* What is smaller than any normal number is brought up first. */
    return x < 0x1p-126f ? groat_log_of(x * 0x1p+23f, -23.0f, 0.0f) : groat_log_of(x, 0.0f, 0.0f);
}

/* 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.  Near 0 its series; beyond, Abramowitz and Stegun, 7.1.26. */
static inline float groat_erf(float x)
{
    float a = x < 0.0f ? -x : x;
    if (a < 0.5f) {
        float u = x * x;
        float p = -1.0f / 1320.0f;
        p = p * u + 1.0f / 216.0f;
        p = p * u + -1.0f / 42.0f;
        p = p * u + 0.1f;
        p = p * u + -1.0f / 3.0f;
        return 1.12837917f * (x + x * u * p);
    }
    float t = 1.0f / (1.0f + 0.3275911f * a);
    float q = 1.061405429f;
    q = q * t + -1.453152027f;
    q = q * t + 1.421413741f;
    q = q * t + -0.284496736f;
    q = q * t + 0.254829592f;
    float y = 1.0f - q * t * groat_exp(-a * a);
    return x < 0.0f ? -y : y;
}

#endif
