/* SPDX-License-Identifier: Apache-2.0
 *
 * How *_float_tmpl.h see float32.
 */
#include "floats.h"

#define ELEMENT float
#define KERNEL_ELEMENT float
#define KERNEL(name) groat_##name##_f32_rvv
#define NEEDS(name) groat_##name##_f32_needs_rvv
#define VECTOR vfloat32m8_t
#define LOAD(from, vl) __riscv_vle32_v_f32m8(from, vl)
#define STORE(to, sum, vl) __riscv_vse32_v_f32m8(to, sum, vl)
#define ADD_SCALED(sum, x, w, vl) __riscv_vfmacc_vf_f32m8(sum, x, w, vl)
#define ADD_PRODUCTS(sum, x, w, vl) __riscv_vfmacc_vv_f32m8(sum, x, w, vl)
#define ASM_TYPE "e32, m8"
#define ASM_LOAD "vle32.v"
#define ASM_SCALAR "flw"
#define ASM_BYTES "4"
#define ASM_ADD "vfmacc.vf"
#define ASM_ADD_VECTORS "vfmacc.vv"
