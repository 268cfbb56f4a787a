/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int8, where vectors can hold floats: a division and a conversion that rounds ties away from zero.
 */
#include <riscv_vector.h>

#include "../kernels.h"

/* Zve32x has integers alone; other machines run this with emulated intrinsics. */
#if !defined(__riscv) || (defined(__riscv_v_elen_fp) && __riscv_v_elen_fp >= 32)

typedef union single {
    uint32_t bits;
    float number;
} single;

void groat_quantize_f32_s8_rvv(const groat_quantize_s8 *k, const float *in, int8_t *out, uint32_t count)
{
    const single scale = {k->scale}, lowest = {0xff800000u}; /* minus infinity */
    const int32_t zero_point = k->zero_point;
    while (count > 0) {
        size_t vl = __riscv_vsetvl_e32m8(count);
        /* The maximum with what is not a number is the other one. */
        vfloat32m8_t x = __riscv_vfmax_vf_f32m8(__riscv_vle32_v_f32m8(in, vl), lowest.number, vl);
        x = __riscv_vfdiv_vf_f32m8(x, scale.number, vl);
        vint32m8_t y = __riscv_vfcvt_x_f_v_i32m8_rm(x, __RISCV_FRM_RMM, vl);
        y = __riscv_vsadd_vx_i32m8(y, zero_point, vl);
        y = __riscv_vmin_vx_i32m8(__riscv_vmax_vx_i32m8(y, INT8_MIN, vl), INT8_MAX, vl);
        __riscv_vse8_v_i8m2(out, __riscv_vncvt_x_x_w_i8m2(__riscv_vncvt_x_x_w_i16m4(y, vl), vl), vl);
        in += vl;
        out += vl;
        count -= (uint32_t)vl;
    }
}

#else

void groat_quantize_f32_s8_rvv(const groat_quantize_s8 *k, const float *in, int8_t *out, uint32_t count)
{
    groat_quantize_f32_s8_ref(k, in, out, count);
}

#endif
