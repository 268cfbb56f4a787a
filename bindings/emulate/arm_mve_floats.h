/* SPDX-License-Identifier: Apache-2.0
 *
 * Helium on any machine: floats.  Part of arm_mve.h.
 */
#ifndef GROAT_EMULATE_ARM_MVE_FLOATS_H
#define GROAT_EMULATE_ARM_MVE_FLOATS_H

/* Takes four vectors apart. */
static inline float32x4x4_t vld4q_f32(const float *from)
{
    float32x4x4_t v;
    for (int i = 0; i < 16; i++) {
        v.val[i % 4].lane[i / 4] = from[i];
    }
    return v;
}

static inline float32x4_t vmulq_n_f32(float32x4_t a, float b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] *= b;
    }
    return a;
}

/* To the nearest integer, ties away from zero; saturates, and what is not a number becomes zero. */
static inline int32x4_t vcvtaq_s32_f32(float32x4_t a)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        double x = a.lane[i], rounded = x < 0 ? x - 0.5 : x + 0.5;
        v.lane[i] = !(x == x) ? 0 : rounded >= 0x1p31 ? INT32_MAX : rounded < -0x1p31 ? INT32_MIN : (int32_t)rounded;
    }
    return v;
}

static inline float32x4_t vcvtq_f32_s32(int32x4_t a)
{
    float32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = (float)a.lane[i];
    }
    return v;
}

static inline float32x4_t vabdq_f32(float32x4_t a, float32x4_t b)
{
    for (int i = 0; i < 4; i++) {
        float difference = a.lane[i] - b.lane[i];
        a.lane[i] = difference < 0 ? -difference : difference;
    }
    return a;
}

static inline mve_pred16_t vcmphiq_n_u32(uint32x4_t a, uint32_t b)
{
    unsigned lanes = 0;
    for (int i = 0; i < 4; i++) {
        lanes |= a.lane[i] > b ? 0xfu << (4 * i) : 0u;
    }
    return (mve_pred16_t)lanes;
}

#endif
