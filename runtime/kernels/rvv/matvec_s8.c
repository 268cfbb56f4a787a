/* SPDX-License-Identifier: Apache-2.0
 *
 * A matrix times a vector: the inputs in the lanes, a sum across them for each row.
 */
#include <riscv_vector.h>

#include "../kernels.h"

void groat_matvec_s8_rvv(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums, uint32_t count)
{
    for (uint32_t r = 0; r < count; r++, w += depth) {
        vint32m1_t sum = __riscv_vmv_s_x_i32m1(sums[r], 1);
        size_t vl;
        for (uint32_t i = 0; i < depth; i += (uint32_t)vl) {
            vl = __riscv_vsetvl_e8m2(depth - i);
            vint16m4_t products =
                __riscv_vwmul_vv_i16m4(__riscv_vle8_v_i8m2(w + i, vl), __riscv_vle8_v_i8m2(x + i, vl), vl);
            sum = __riscv_vwredsum_vs_i16m4_i32m1(products, sum, vl);
        }
        sums[r] = __riscv_vmv_x_s_i32m1_i32(sum);
    }
}
