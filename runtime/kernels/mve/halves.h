/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of float16 share: vectors of eight.
 */
#ifndef GROAT_MVE_HALVES_H
#define GROAT_MVE_HALVES_H

#include <arm_mve.h>

#include "../half.h"

enum {
    HALVES = 8, /* of a vector */
    CHUNK = 16  /* terms that are summed in float16, at most */
};

static inline float16x8_t halves_of(uint16x8_t bits)
{
    return vreinterpretq_f16_u16(bits);
}

static inline float16x8_t halves_at(const uint16_t *from)
{
    return halves_of(vldrhq_u16(from));
}

static inline float16x8_t narrowed(float32x4_t even, float32x4_t odd)
{
    return vcvttq_f16_f32(vcvtbq_f16_f32(vuninitializedq_f16(), even), odd);
}

#endif
