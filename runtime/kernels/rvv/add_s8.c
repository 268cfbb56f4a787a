/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two arrays of different scales, brought to a common one first.
 */
#include <riscv_vector.h>

#include "../kernels.h"

static vint32m8_t rescale(vint32m8_t x, int32_t multiplier, int32_t shift, size_t vl)
{
    x = __riscv_vsmul_vx_i32m8(x, multiplier, __RISCV_VXRM_RNU, vl);
    if (shift == 0) { /* as for the operand of the larger scale */
        return x;
    }
    x = __riscv_vadd_vv_i32m8(x, __riscv_vsra_vx_i32m8(x, 31, vl), vl);
    return __riscv_vssra_vx_i32m8(x, (uint32_t)-shift, __RISCV_VXRM_RNU, vl);
}

static vint32m8_t load(const int8_t *x, uint32_t step, int32_t zero_point, int32_t left_shift, size_t vl)
{
    vint8m2_t bytes = step != 0 ? __riscv_vle8_v_i8m2(x, vl) : __riscv_vmv_v_x_i8m2(*x, vl);
    vint32m8_t wide = __riscv_vsext_vf4_i32m8(bytes, vl);
    wide = __riscv_vadd_vx_i32m8(wide, (int32_t)(0u - (uint32_t)zero_point), vl);
    return __riscv_vsll_vx_i32m8(wide, (uint32_t)left_shift, vl);
}

void groat_add_s8_rvv(const groat_add_s8 *arguments, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    const groat_add_s8 k = *arguments;
    while (count > 0) {
        size_t vl = __riscv_vsetvl_e32m8(count);
        vint32m8_t x = rescale(load(a, a_step, k.a_zero_point, k.left_shift, vl), k.a_multiplier, k.a_shift, vl);
        vint32m8_t y = rescale(load(b, b_step, k.b_zero_point, k.left_shift, vl), k.b_multiplier, k.b_shift, vl);
        vint32m8_t sum = rescale(__riscv_vadd_vv_i32m8(x, y, vl), k.output_multiplier, k.output_shift, vl);
        sum = __riscv_vadd_vx_i32m8(sum, k.output_zero_point, vl);
        sum = __riscv_vmin_vx_i32m8(__riscv_vmax_vx_i32m8(sum, k.act_min, vl), k.act_max, vl);
        __riscv_vse8_v_i8m2(out, __riscv_vncvt_x_x_w_i8m2(__riscv_vncvt_x_x_w_i16m4(sum, vl), vl), vl);
        a += vl * a_step;
        b += vl * b_step;
        out += vl;
        count -= (uint32_t)vl;
    }
}
