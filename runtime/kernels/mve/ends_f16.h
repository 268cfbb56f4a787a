/* SPDX-License-Identifier: Apache-2.0
 *
 * How sums of float32 start with biases and become outputs of float16.
 */
#ifndef GROAT_MVE_ENDS_F16_H
#define GROAT_MVE_ENDS_F16_H

#include "halves.h"

/* Rounding keeps order, so that limits may come after it.  A sum just below zero is zero then, too: not less than the
 * limit, but equal; what is not a number is neither. */
static inline uint16x8_t limited(float16x8_t y, float16x8_t low, float16x8_t high)
{
    y = vpselq_f16(low, y, vcmpleq_f16(y, low));
    return vreinterpretq_u16_f16(vpselq_f16(high, y, vcmpgtq_f16(y, high)));
}

/* The biases of the first `channels` of eight. */
static inline float32x4x2_t biases(const float *bias, uint32_t channels)
{
    float eight[HALVES];
    if (channels < HALVES) {
        const uint32_t second = channels > HALVES / 2 ? channels - HALVES / 2 : 0;
        vstrwq_f32(eight, vldrwq_z_f32(bias, vctp32q(channels)));
        vstrwq_f32(eight + HALVES / 2, vldrwq_z_f32(bias + HALVES / 2, vctp32q(second)));
        bias = eight;
    }
    return vld2q_f32(bias);
}

#endif
