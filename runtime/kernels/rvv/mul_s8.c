/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two arrays of different scales: widening instructions keep every step as narrow as it may be.
 */
#include <riscv_vector.h>

#include "../kernels.h"

static vint16m4_t load(const int8_t *x, uint32_t step, int32_t zero_point, size_t vl)
{
    vint8m2_t bytes = step != 0 ? __riscv_vle8_v_i8m2(x, vl) : __riscv_vmv_v_x_i8m2(*x, vl);
    return __riscv_vwsub_vx_i16m4(bytes, (int8_t)zero_point, vl);
}

/* Shifts to the right: nothing here exceeds 32 bits, and what saturates 16 saturates 8 whatever the zero point is. */
static vint8m2_t scale_right(vint32m8_t x, const groat_mul_s8 *k, size_t vl)
{
    if (k->shift != 0) {
        /* vnclip rounds halves up, the contract away from zero: one less moves negative halves only. */
        x = __riscv_vadd_vv_i32m8(x, __riscv_vsra_vx_i32m8(x, 31, vl), vl);
    }
    vint16m4_t y = __riscv_vnclip_wx_i16m4(x, (size_t)-k->shift, __RISCV_VXRM_RNU, vl);
    y = __riscv_vsadd_vx_i16m4(y, (int16_t)k->output_zero_point, vl);
    vint8m2_t z = __riscv_vnclip_wx_i8m2(y, 0, __RISCV_VXRM_RNU, vl);
    return __riscv_vmin_vx_i8m2(__riscv_vmax_vx_i8m2(z, (int8_t)k->act_min, vl), (int8_t)k->act_max, vl);
}

/* Shifts to the left: the sum with the zero point may wrap, and must. */
static vint8m2_t clamp_wide(vint32m8_t x, const groat_mul_s8 *k, size_t vl)
{
    x = __riscv_vadd_vx_i32m8(x, k->output_zero_point, vl);
    x = __riscv_vmin_vx_i32m8(__riscv_vmax_vx_i32m8(x, k->act_min, vl), k->act_max, vl);
    return __riscv_vncvt_x_x_w_i8m2(__riscv_vncvt_x_x_w_i16m4(x, vl), vl);
}

void groat_mul_s8_rvv(const groat_mul_s8 *arguments, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    const groat_mul_s8 k = *arguments;
    while (count > 0) {
        size_t vl = __riscv_vsetvl_e32m8(count);
        vint32m8_t x =
            __riscv_vwmul_vv_i32m8(load(a, a_step, k.a_zero_point, vl), load(b, b_step, k.b_zero_point, vl), vl);
        vint8m2_t y;
        if (k.shift > 0) {
            x = __riscv_vsll_vx_i32m8(x, (size_t)k.shift, vl);
            y = clamp_wide(__riscv_vsmul_vx_i32m8(x, k.multiplier, __RISCV_VXRM_RNU, vl), &k, vl);
        } else {
            y = scale_right(__riscv_vsmul_vx_i32m8(x, k.multiplier, __RISCV_VXRM_RNU, vl), &k, vl);
        }
        __riscv_vse8_v_i8m2(out, y, vl);
        a += vl * a_step;
        b += vl * b_step;
        out += vl;
        count -= (uint32_t)vl;
    }
}
