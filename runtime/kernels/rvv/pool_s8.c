/* SPDX-License-Identifier: Apache-2.0
 *
 * Average and maximum over a window of pixels, with channels in the lanes.
 */
#include <riscv_vector.h>

#include "../kernels.h"

/* Sums of up to 255 bytes fit 16 bits. */
#define SHORT_SUM 255u

static vint32m8_t window_sum(const groat_pool_s8 *k, const int8_t *const *rows, uint32_t start, size_t vl)
{
    vint32m8_t total = __riscv_vmv_v_x_i32m8(0, vl);
    vint16m4_t sum = __riscv_vmv_v_x_i16m4(0, vl);
    uint32_t left = SHORT_SUM;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *x = rows[r] + start;
        for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
            sum = __riscv_vwadd_wv_i16m4(sum, __riscv_vle8_v_i8m2(x, vl), vl);
            if (--left == 0) {
                total = __riscv_vwadd_wv_i32m8(total, sum, vl);
                sum = __riscv_vmv_v_x_i16m4(0, vl);
                left = SHORT_SUM;
            }
        }
    }
    return __riscv_vwadd_wv_i32m8(total, sum, vl);
}

void groat_average_pool_s8_rvv(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    int32_t count = (int32_t)(k->rows * k->taps);
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < k->channels;) {
            size_t vl = __riscv_vsetvl_e32m8(k->channels - c);
            vint32m8_t sum = window_sum(k, rows, p * k->pixel_stride + c, vl);
            /* Rounds half away from zero: adds half the count with the sum's sign, and division truncates. */
            vint32m8_t sign = __riscv_vsra_vx_i32m8(sum, 31, vl);
            vint32m8_t half = __riscv_vsub_vv_i32m8(__riscv_vxor_vx_i32m8(sign, count / 2, vl), sign, vl);
            vint32m8_t y = __riscv_vdiv_vx_i32m8(__riscv_vadd_vv_i32m8(sum, half, vl), count, vl);
            y = __riscv_vmin_vx_i32m8(__riscv_vmax_vx_i32m8(y, k->act_min, vl), k->act_max, vl);
            __riscv_vse8_v_i8m2(out, __riscv_vncvt_x_x_w_i8m2(__riscv_vncvt_x_x_w_i16m4(y, vl), vl), vl);
            out += vl;
            c += (uint32_t)vl;
        }
    }
}

void groat_max_pool_s8_rvv(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < k->channels;) {
            size_t vl = __riscv_vsetvl_e8m8(k->channels - c);
            vint8m8_t y = __riscv_vmv_v_x_i8m8(INT8_MIN, vl);
            for (uint32_t r = 0; r < k->rows; r++) {
                const int8_t *x = rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
                    y = __riscv_vmax_vv_i8m8(y, __riscv_vle8_v_i8m8(x, vl), vl);
                }
            }
            y = __riscv_vmin_vx_i8m8(__riscv_vmax_vx_i8m8(y, (int8_t)k->act_min, vl), (int8_t)k->act_max, vl);
            __riscv_vse8_v_i8m8(out, y, vl);
            out += vl;
            c += (uint32_t)vl;
        }
    }
}
