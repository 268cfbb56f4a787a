/* SPDX-License-Identifier: Apache-2.0
 *
 * What the vector kernels of floats share: output channels in lanes, whose sums are float32 in eight registers each.
 * python/groat/pack/layouts/rvv_float.py writes the weights.
 */
#ifndef GROAT_RVV_FLOATS_H
#define GROAT_RVV_FLOATS_H

#include "../fma.h"

#include <riscv_vector.h>

/* Lanes of a sum at VLEN 128; longer registers have them, too. */
#define GROAT_RVV_FLOAT_LANES 32u

/* A float16 as an operand of a vector instruction.  The host's emulation knows it by its bits. */
#ifdef __riscv
typedef _Float16 rvv_half;
#else
typedef uint16_t rvv_half;
#endif

enum {
    RVV_FLOAT_LANES = 1 /* layout of a convolution: blocks of up to 32 channels, [term][channel]; 0 is the model's */
};

static inline vfloat32m8_t rvv_zeros(size_t vl)
{
    return __riscv_vfmv_v_f_f32m8(0.0f, vl);
}

static inline uint32_t at_most(uint32_t count, uint32_t most)
{
    return count < most ? count : most;
}

/* What is not a number is less than no limit, and so stays. */
static inline vfloat32m8_t rvv_clamp(vfloat32m8_t sum, float low, float high, size_t vl)
{
    if (low > -__builtin_inff()) {
        sum = __riscv_vfmerge_vfm_f32m8(sum, low, __riscv_vmflt_vf_f32m8_b4(sum, low, vl), vl);
    }
    if (high < __builtin_inff()) {
        sum = __riscv_vfmerge_vfm_f32m8(sum, high, __riscv_vmfgt_vf_f32m8_b4(sum, high, vl), vl);
    }
    return sum;
}

/* Outputs from sums. */
static inline vfloat32m8_t rvv_finish(vfloat32m8_t sum, const float *bias, float low, float high, size_t vl)
{
    return rvv_clamp(__riscv_vfadd_vv_f32m8(sum, __riscv_vle32_v_f32m8(bias, vl), vl), low, high, vl);
}

#endif
