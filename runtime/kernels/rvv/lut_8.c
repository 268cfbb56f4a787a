/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one byte, as a table that one indexed load looks up for a group of registers.
 */
#include <riscv_vector.h>

#include "../kernels.h"

void groat_lut_8_rvv(const uint8_t *table, const uint8_t *in, uint8_t *out, uint32_t count)
{
    while (count > 0) {
        size_t vl = __riscv_vsetvl_e8m8(count);
        __riscv_vse8_v_u8m8(out, __riscv_vluxei8_v_u8m8(table, __riscv_vle8_v_u8m8(in, vl), vl), vl);
        in += vl;
        out += vl;
        count -= (uint32_t)vl;
    }
}
