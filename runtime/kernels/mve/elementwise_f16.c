/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums and products of float16 with Helium, and what training does element by element; all with the bits of the portable
 * kernels.
 */
#include "../float.h"
#include "halves.h"

/* Elements that lie side by side, or one for all. */
static inline uint16x8_t elements(const uint16_t *from, uint32_t step, mve_pred16_t lanes)
{
    return step == 0 ? vdupq_n_u16(*from) : vldrhq_z_u16(from, lanes);
}

/* Rounded to float32 first, a sum of two float16 would be the same; it is zero only where it is exactly so, and thus on the
 * same side of a limit. */
void groat_add_f16_mve(const groat_elementwise_float *k, const uint16_t *a, uint32_t a_step, const uint16_t *b,
                       uint32_t b_step, uint16_t *out, uint32_t count)
{
    if (a_step > 1 || b_step > 1) {
        groat_add_f16_ref(k, a, a_step, b, b_step, out, count);
        return;
    }
    const float16x8_t low = halves_of(vdupq_n_u16(groat_half_of(k->act_min)));
    const float16x8_t high = halves_of(vdupq_n_u16(groat_half_of(k->act_max)));
    for (int32_t left = (int32_t)count; left > 0; left -= HALVES, out += HALVES) {
        const mve_pred16_t lanes = vctp16q((uint32_t)left);
        float16x8_t y = vaddq_f16(halves_of(elements(a, a_step, lanes)), halves_of(elements(b, b_step, lanes)));
        y = vpselq_f16(low, y, vcmpgtq_f16(low, y));
        y = vpselq_f16(high, y, vcmpgtq_f16(y, high));
        vstrhq_p_u16(out, vreinterpretq_u16_f16(y), lanes);
        a += HALVES * a_step;
        b += HALVES * b_step;
    }
}

static inline float32x4_t clamped(float32x4_t y, float32x4_t low, float32x4_t high)
{
    y = vpselq_f32(low, y, vcmpgtq_f32(low, y));
    return vpselq_f32(high, y, vcmpgtq_f32(y, high));
}

/* In float32, where a product is exact: one that float16 would round to zero is still on its side of a limit. */
void groat_mul_f16_mve(const groat_elementwise_float *k, const uint16_t *a, uint32_t a_step, const uint16_t *b,
                       uint32_t b_step, uint16_t *out, uint32_t count)
{
    if (a_step > 1 || b_step > 1) {
        groat_mul_f16_ref(k, a, a_step, b, b_step, out, count);
        return;
    }
    const float32x4_t low = vdupq_n_f32(k->act_min), high = vdupq_n_f32(k->act_max);
    for (int32_t left = (int32_t)count; left > 0; left -= HALVES, out += HALVES) {
        const mve_pred16_t lanes = vctp16q((uint32_t)left);
        const float16x8_t x = halves_of(elements(a, a_step, lanes)), y = halves_of(elements(b, b_step, lanes));
        const float32x4_t even = clamped(vmulq_f32(vcvtbq_f32_f16(x), vcvtbq_f32_f16(y)), low, high);
        const float32x4_t odd = clamped(vmulq_f32(vcvttq_f32_f16(x), vcvttq_f32_f16(y)), low, high);
        vstrhq_p_u16(out, vreinterpretq_u16_f16(narrowed(even, odd)), lanes);
        a += HALVES * a_step;
        b += HALVES * b_step;
    }
}

/* A number times zero is zero, or no number. */
void groat_finite_f16_mve(const uint16_t *x, uint32_t count, uint32_t *finite)
{
    const float16x8_t zero = halves_of(vdupq_n_u16(0));
    float16x8_t sum = zero;
    for (uint32_t i = count / HALVES; i > 0; i--, x += HALVES) {
        sum = vfmaq_f16(sum, halves_at(x), zero);
    }
    sum = vfmaq_f16(sum, halves_of(vldrhq_z_u16(x, vctp16q(count % HALVES))), zero);
    *finite = vcmpeqq_f16(sum, zero) == 0xffff;
}

/* The largest float16 that is not above x, which is a number. */
static uint16_t half_below(float x)
{
    const uint16_t half = groat_half_of(x);
    if (groat_float_of_half(half) <= x) {
        return half;
    }
    return half == 0 ? 0x8001 : (uint16_t)(half & 0x8000 ? half + 1 : half - 1);
}

/* What is above a limit is above the float16 below it, and so on. */
void groat_clamp_grad_f16_mve(const groat_elementwise_float *k, const uint16_t *dy, const uint16_t *y, uint16_t *dx,
                              uint32_t count)
{
    const float16x8_t low = halves_of(vdupq_n_u16(half_below(k->act_min)));
    const float16x8_t high = halves_of(vdupq_n_u16(half_below(-k->act_max) ^ 0x8000));
    for (int32_t left = (int32_t)count; left > 0; left -= HALVES, y += HALVES, dy += HALVES, dx += HALVES) {
        const mve_pred16_t lanes = vctp16q((uint32_t)left);
        const float16x8_t at = halves_of(vldrhq_z_u16(y, lanes));
        const mve_pred16_t passes = vcmpgtq_m_f16(high, at, vcmpgtq_m_f16(at, low, lanes));
        vstrhq_p_u16(dx, vldrhq_z_u16(dy, passes), lanes);
    }
}
