/* SPDX-License-Identifier: Apache-2.0
 *
 * How *_float_tmpl.h see float16: products of two are exact in float32, so that a fused multiply-add gives what the
 * portable kernels do.
 */
#include "floats.h"

#define ELEMENT rvv_half
#define KERNEL_ELEMENT uint16_t
#define KERNEL(name) groat_##name##_f16_rvv
#define NEEDS(name) groat_##name##_f16_needs_rvv
#define VECTOR vfloat16m4_t
#define LOAD(from, vl) __riscv_vle16_v_f16m4(from, vl)
#define STORE(to, sum, vl) __riscv_vse16_v_f16m4(to, __riscv_vfncvt_f_f_w_f16m4(sum, vl), vl)
#define ADD_SCALED(sum, x, w, vl) __riscv_vfwmacc_vf_f32m8(sum, x, w, vl)
#define ADD_PRODUCTS(sum, x, w, vl) __riscv_vfwmacc_vv_f32m8(sum, x, w, vl)
#define ASM_TYPE "e16, m4"
#define ASM_LOAD "vle16.v"
#define ASM_SCALAR "flh"
#define ASM_BYTES "2"
#define ASM_ADD "vfwmacc.vf"
#define ASM_ADD_VECTORS "vfwmacc.vv"
