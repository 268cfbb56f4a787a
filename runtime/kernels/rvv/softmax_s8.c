/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of one row: indexed loads look up exp(x - max) for a group of registers, once for the sum and once more for
 * the outputs, since a row's values would need scratch.
 */
#include <riscv_vector.h>

#include "../kernels.h"
#include "../softmax.h"

/* The values of some elements; what lies beyond the table is zero, which scales to the lowest output. */
static vint32m8_t look_up(const int32_t *table, uint32_t bytes, const int8_t *in, int32_t max, size_t vl)
{
    vint8m2_t difference = __riscv_vrsub_vx_i8m2(__riscv_vle8_v_i8m2(in, vl), (int8_t)max, vl);
    vuint16m4_t offset = __riscv_vwmulu_vx_u16m4(__riscv_vreinterpret_v_i8m2_u8m2(difference), sizeof *table, vl);
    return __riscv_vluxei16_v_i32m8_mu(__riscv_vmsltu_vx_u16m4_b4(offset, (uint16_t)bytes, vl),
                                       __riscv_vmv_v_x_i32m8(0, vl), table, offset, vl);
}

/* Before a shift that rounds halves up, where they are to be rounded away from zero.  Saturation keeps a table's
 * INT32_MIN, which no shift here rounds. */
static vint32m8_t lower_negative(vint32m8_t x, size_t vl)
{
    return __riscv_vsadd_vv_i32m8(x, __riscv_vsra_vx_i32m8(x, 31, vl), vl);
}

static int32_t maximum(const int8_t *in, uint32_t count)
{
    vint8m1_t max = __riscv_vmv_s_x_i8m1(INT8_MIN, 1);
    while (count > 0) {
        size_t vl = __riscv_vsetvl_e8m8(count);
        max = __riscv_vredmax_vs_i8m8_i8m1(__riscv_vle8_v_i8m8(in, vl), max, vl);
        in += vl;
        count -= (uint32_t)vl;
    }
    return __riscv_vmv_x_s_i8m1_i8(max);
}

void groat_softmax_s8_rvv(const int32_t *table, uint32_t table_count, const int8_t *in, int8_t *out, uint32_t count)
{
    const uint32_t bytes = (table_count < 256 ? table_count : 256) * (uint32_t)sizeof *table;
    const int32_t max = maximum(in, count);

    vint32m1_t sums = __riscv_vmv_s_x_i32m1(0, 1);
    for (uint32_t i = 0; i < count;) {
        size_t vl = __riscv_vsetvl_e32m8(count - i);
        vint32m8_t x = lower_negative(look_up(table, bytes, in + i, max, vl), vl);
        sums = __riscv_vredsum_vs_i32m8_i32m1(__riscv_vssra_vx_i32m8(x, 12, __RISCV_VXRM_RNU, vl), sums, vl);
        i += (uint32_t)vl;
    }

    uint32_t sum = (uint32_t)__riscv_vmv_x_s_i32m1_i32(sums);
    int32_t headroom = sum != 0 ? __builtin_clz(sum) : 0;
    int32_t scale = groat_reciprocal_one_plus((int32_t)((sum << headroom) - (1u << 31)));
    int32_t shift = 12 - headroom + 31 - 8;
    if (shift > 31) {
        /* From 512 near-equal elements on, each is less than half a step: zero, and so is any after this shift. */
        scale = 0;
        shift = 31;
    }
    while (count > 0) {
        size_t vl = __riscv_vsetvl_e32m8(count);
        vint32m8_t x = __riscv_vsmul_vx_i32m8(look_up(table, bytes, in, max, vl), scale, __RISCV_VXRM_RNU, vl);
        vint16m4_t y = __riscv_vnclip_wx_i16m4(lower_negative(x, vl), (size_t)shift, __RISCV_VXRM_RNU, vl);
        y = __riscv_vsadd_vx_i16m4(y, INT8_MIN, vl);
        __riscv_vse8_v_i8m2(out, __riscv_vnclip_wx_i8m2(y, 0, __RISCV_VXRM_RNU, vl), vl);
        in += vl;
        out += vl;
        count -= (uint32_t)vl;
    }
}
