/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantisation in vectors of four.
 */
#ifndef GROAT_MVE_VECTORS_H
#define GROAT_MVE_VECTORS_H

#include <arm_mve.h>

#include "scale.h"

/* groat_requantize of four lanes.  VQRDMULH is groat_mul_high; VRSHL rounds ties up, so where it shifts right, negative
 * numbers get one less first; LAYOUT_RECTIFIED need not, as whatever is below zero ends as the lowest output.
 * Nothing overflows: a multiplier below 2^31 leaves no INT32_MIN. */
static inline int32x4_t requantize(int32x4_t x, int32x4_t multiplier, int32x4_t shift, uint32_t kind)
{
    int32x4_t right = shift;
    if (kind == LAYOUT_GENERAL) {
        int32x4_t zero = vdupq_n_s32(0);
        right = vminq_s32(shift, zero);
        x = vshlq_s32(x, vmaxq_s32(shift, zero));
    }
    x = vqrdmulhq_s32(x, multiplier);
    if (kind != LAYOUT_RECTIFIED) {
        int32x4_t negative = kind == LAYOUT_DOWN ? x : vandq_s32(x, right);
        x = vaddq_s32(x, vshrq_n_s32(negative, 31));
    }
    return vrshlq_s32(x, right);
}

static inline int32x4_t finish(int32x4_t x, int32_t zero_point, int32x4_t low, int32x4_t high)
{
    return vminq_s32(vmaxq_s32(vaddq_n_s32(x, zero_point), low), high);
}

#endif
