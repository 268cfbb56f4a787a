/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of int16 activations use; included by arm_mve.h.
 */
#ifndef GROAT_EMULATE_ARM_MVE_HALFWORDS_H
#define GROAT_EMULATE_ARM_MVE_HALFWORDS_H

static inline int16x8_t vldrhq_z_s16(const int16_t *from, mve_pred16_t p)
{
    int16x8_t v;
    for (int i = 0; i < 8; i++) {
        v.lane[i] = (int16_t)((p >> (2 * i) & 1) ? from[i] : 0);
    }
    return v;
}

static inline int16x8_t vldrhq_s16(const int16_t *from)
{
    return vldrhq_z_s16(from, 0xffff);
}

static inline void vstrhq_p_s32(int16_t *to, int32x4_t v, mve_pred16_t p)
{
    for (int i = 0; i < 4; i++) {
        if (p >> (4 * i) & 1) {
            to[i] = (int16_t)v.lane[i];
        }
    }
}

static inline void vstrhq_p_s16(int16_t *to, int16x8_t v, mve_pred16_t p)
{
    for (int i = 0; i < 8; i++) {
        if (p >> (2 * i) & 1) {
            to[i] = v.lane[i];
        }
    }
}

/* Products of the even lanes, and of the odd ones. */
static inline int32x4_t vmullbq_int_s16(int16x8_t a, int16x8_t b)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = a.lane[2 * i] * b.lane[2 * i];
    }
    return v;
}

static inline int32x4_t vmulltq_int_s16(int16x8_t a, int16x8_t b)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = a.lane[2 * i + 1] * b.lane[2 * i + 1];
    }
    return v;
}

static inline int32_t vmladavaq_s16(int32_t sum, int16x8_t a, int16x8_t b)
{
    for (int i = 0; i < 8; i++) {
        sum = mve_add_s32(sum, a.lane[i] * b.lane[i]);
    }
    return sum;
}

static inline int32x4_t vmulhq_s32(int32x4_t a, int32x4_t b)
{
    for (int i = 0; i < 4; i++) {
        a.lane[i] = (int32_t)((int64_t)a.lane[i] * b.lane[i] >> 32);
    }
    return a;
}

#endif
