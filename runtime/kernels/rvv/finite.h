/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether all of an array is finite: zero times a number that is not is none, and stays so in a sum.
 */
#ifndef GROAT_RVV_FINITE_H
#define GROAT_RVV_FINITE_H

#include "floats.h"

/* Whether none of them is no number. */
static inline int rvv_are_numbers(vfloat32m8_t sums, size_t vl)
{
    return __riscv_vcpop_m_b4(__riscv_vmfne_vv_f32m8_b4(sums, sums, vl), vl) == 0;
}

static inline int rvv_finite_f32(const float *x, uint32_t count)
{
    const size_t most = __riscv_vsetvlmax_e32m8();
    vfloat32m8_t sum = rvv_zeros(most);
    for (size_t vl; count > 0; count -= (uint32_t)vl, x += vl) {
        vl = __riscv_vsetvl_e32m8(count);
        sum = __riscv_vfmacc_vf_f32m8_tu(sum, 0.0f, __riscv_vle32_v_f32m8(x, vl), vl);
    }
    return rvv_are_numbers(sum, most);
}

static inline int rvv_finite_f16(const rvv_half *x, uint32_t count)
{
    const size_t most = __riscv_vsetvlmax_e16m8();
    vfloat16m8_t sum = __riscv_vfmv_v_f_f16m8(0, most);
    for (size_t vl; count > 0; count -= (uint32_t)vl, x += vl) {
        vl = __riscv_vsetvl_e16m8(count);
        sum = __riscv_vfmacc_vf_f16m8_tu(sum, 0, __riscv_vle16_v_f16m8(x, vl), vl);
    }
    return __riscv_vcpop_m_b2(__riscv_vmfne_vv_f16m8_b2(sum, sum, most), most) == 0;
}

#endif
