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
#define LOAD_STRIDED(from, bytes, vl) __riscv_vlse32_v_f32m8(from, bytes, vl)
#define ASM_LOAD_STRIDED "vlse32.v"
#define ASM_SCALAR "flw"
#define ASM_BYTES "4"
#define ASM_ADD "vfmacc.vf"
#define ASM_ADD_VECTORS "vfmacc.vv"

/* Sums of gradients. */
#define WIDE(x) (x)
#define WIDE_LOAD(from, vl) LOAD(from, vl)
#define WIDE_LOAD_STRIDED(from, bytes, vl) LOAD_STRIDED(from, bytes, vl)
#define STORE_STRIDED(to, bytes, sum, vl) __riscv_vsse32_v_f32m8(to, bytes, sum, vl)
#define ADD_VECTOR(sum, x, vl) __riscv_vfadd_vv_f32m8(sum, x, vl)
#define SUM vfloat32m8_t
#define SUM_TERMS UINT32_MAX
#define SUM_LANES 32u /* at VLEN 128 */
#define SUM_VL(lanes) __riscv_vsetvl_e32m8(lanes)
#define SUM_ZEROS(vl) rvv_zeros(vl)
#define SUM_LOAD(from, vl) LOAD(from, vl)
#define SUM_LOAD_STRIDED(from, bytes, vl) __riscv_vlse32_v_f32m8(from, (ptrdiff_t)(bytes), vl)
#define SUM_STORE(to, sum, vl) __riscv_vse32_v_f32m8(to, sum, vl)
#define SUM_ADD_SCALED(sum, x, w, vl) ADD_SCALED(sum, x, w, vl)
#define SUM_ADD_PRODUCTS(sum, x, w, vl) ADD_PRODUCTS(sum, x, w, vl)
#define ASM_STORE "vse32.v"
#define PORTABLE(name) groat_##name##_f32_ref
#define FINITE(x, count) rvv_finite_f32(x, count)
#define SUM_OF(x, vl) __riscv_vfmv_v_f_f32m8(x, vl)
#define SUM_ADD(a, b, vl) __riscv_vfadd_vv_f32m8(a, b, vl)
#define SUM_MERGE(a, b, mask, vl) __riscv_vfmerge_vfm_f32m8(a, b, mask, vl)
#define SUM_LESS(a, b, vl) __riscv_vmflt_vf_f32m8_b4(a, b, vl)
#define SUM_GREATER(a, b, vl) __riscv_vmfgt_vf_f32m8_b4(a, b, vl)
#define MASK vbool4_t
#define MASK_NAND(a, b, vl) __riscv_vmnand_mm_b4(a, b, vl)
#define MASK_AND(a, b, vl) __riscv_vmand_mm_b4(a, b, vl)
#define MASK_LOAD(from, vl) __riscv_vlm_v_b4(from, vl)
#define MASK_STORE(to, mask, vl) __riscv_vsm_v_b4(to, mask, vl)
#define SUM_VLMAX() __riscv_vsetvlmax_e32m8()
#define OF_FLOAT(x) (x)
#define ASM_SUM_TYPE "e32, m8"
#define ASM_SUM4_TYPE "e32, m4"

/* Adds sums to float32 in memory. */
static inline void rvv_add_sums(float *to, vfloat32m8_t sums, size_t vl)
{
    __riscv_vse32_v_f32m8(to, __riscv_vfadd_vv_f32m8(__riscv_vle32_v_f32m8(to, vl), sums, vl), vl);
}

/* Sums in half of the registers each; the host has no registers to spare. */
#define SUM4_VLMAX __riscv_vsetvlmax_e32m4()
#ifdef __riscv
#define SUM4 vfloat32m4_t
static inline void rvv_add_sums4(float *to, vfloat32m4_t sums, size_t vl)
{
    __riscv_vse32_v_f32m4(to, __riscv_vfadd_vv_f32m4(__riscv_vle32_v_f32m4(to, vl), sums, vl), vl);
}
#else
#define SUM4 SUM
#define rvv_add_sums4 rvv_add_sums
#endif
