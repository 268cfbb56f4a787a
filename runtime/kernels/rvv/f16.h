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
#define LOAD_STRIDED(from, bytes, vl) __riscv_vlse16_v_f16m4(from, bytes, vl)
#define ASM_LOAD_STRIDED "vlse16.v"
#define ASM_SCALAR "flh"
#define ASM_BYTES "2"
#define ASM_ADD "vfwmacc.vf"
#define ASM_ADD_VECTORS "vfwmacc.vv"

/* Sums of float16: twice the lanes of float32, so few terms are summed before the sum is added to one of float32. */
#define WIDE(x) rvv_wide(x)
#define WIDE_LOAD(from, vl) __riscv_vfwcvt_f_f_v_f32m8(__riscv_vle16_v_f16m4(from, vl), vl)
#define WIDE_LOAD_STRIDED(from, bytes, vl) __riscv_vfwcvt_f_f_v_f32m8(LOAD_STRIDED(from, bytes, vl), vl)
#define STORE_STRIDED(to, bytes, sum, vl) __riscv_vsse16_v_f16m4(to, bytes, __riscv_vfncvt_f_f_w_f16m4(sum, vl), vl)
#define ADD_VECTOR(sum, x, vl) __riscv_vfwadd_wv_f32m8(sum, x, vl)
#define SUM vfloat16m8_t
#define SUM_TERMS 32u
#define SUM_LANES 64u /* at VLEN 128 */
#define SUM_VL(lanes) __riscv_vsetvl_e16m8(lanes)
#define SUM_ZEROS(vl) __riscv_vfmv_v_f_f16m8(0, vl)
#define SUM_LOAD(from, vl) __riscv_vle16_v_f16m8(from, vl)
#define SUM_LOAD_STRIDED(from, bytes, vl) __riscv_vlse16_v_f16m8(from, (ptrdiff_t)(bytes), vl)
#define SUM_STORE(to, sum, vl) __riscv_vse16_v_f16m8(to, sum, vl)
#define SUM_ADD_SCALED(sum, x, w, vl) __riscv_vfmacc_vf_f16m8(sum, x, w, vl)
#define SUM_ADD_PRODUCTS(sum, x, w, vl) __riscv_vfmacc_vv_f16m8(sum, x, w, vl)
#define ASM_STORE "vse16.v"
#define PORTABLE(name) groat_##name##_f16_ref
#define FINITE(x, count) rvv_finite_f16(x, count)
#define SUM_OF(x, vl) __riscv_vfmv_v_f_f16m8(x, vl)
#define SUM_ADD(a, b, vl) __riscv_vfadd_vv_f16m8(a, b, vl)
#define SUM_MERGE(a, b, mask, vl) __riscv_vfmerge_vfm_f16m8(a, b, mask, vl)
#define SUM_LESS(a, b, vl) __riscv_vmflt_vf_f16m8_b2(a, b, vl)
#define SUM_GREATER(a, b, vl) __riscv_vmfgt_vf_f16m8_b2(a, b, vl)
#define MASK vbool2_t
#define MASK_NAND(a, b, vl) __riscv_vmnand_mm_b2(a, b, vl)
#define MASK_AND(a, b, vl) __riscv_vmand_mm_b2(a, b, vl)
#define MASK_LOAD(from, vl) __riscv_vlm_v_b2(from, vl)
#define MASK_STORE(to, mask, vl) __riscv_vsm_v_b2(to, mask, vl)
#define SUM_VLMAX() __riscv_vsetvlmax_e16m8()
#define OF_FLOAT(x) rvv_half_of(x)
#define ASM_SUM_TYPE "e16, m8"
#define ASM_SUM4_TYPE "e16, m4"

static inline float rvv_wide(rvv_half x)
{
#ifdef __riscv
    return (float)x;
#else
    return groat_float_of_half(x);
#endif
}

static inline rvv_half rvv_half_of(float x)
{
#ifdef __riscv
    return (rvv_half)x;
#else
    return groat_half_of(x);
#endif
}

/* Adds sums to float32 in memory, half of the lanes at a time. */
static inline void rvv_add_sums(float *to, vfloat16m8_t sums, size_t vl)
{
    const size_t half = __riscv_vsetvlmax_e16m4();
    const size_t low = vl < half ? vl : half;
    vfloat32m8_t there = __riscv_vle32_v_f32m8(to, low);
    __riscv_vse32_v_f32m8(to, __riscv_vfwadd_wv_f32m8(there, __riscv_vget_v_f16m8_f16m4(sums, 0), low), low);
    if (vl > half) {
        to += half;
        vl -= half;
        there = __riscv_vle32_v_f32m8(to, vl);
        __riscv_vse32_v_f32m8(to, __riscv_vfwadd_wv_f32m8(there, __riscv_vget_v_f16m8_f16m4(sums, 1), vl), vl);
    }
}

/* Sums in half of the registers each; the host has no registers to spare. */
#define SUM4_VLMAX __riscv_vsetvlmax_e16m4()
#ifdef __riscv
#define SUM4 vfloat16m4_t
static inline void rvv_add_sums4(float *to, vfloat16m4_t sums, size_t vl)
{
    __riscv_vse32_v_f32m8(to, __riscv_vfwadd_wv_f32m8(__riscv_vle32_v_f32m8(to, vl), sums, vl), vl);
}
#else
#define SUM4 SUM
#define rvv_add_sums4 rvv_add_sums
#endif
