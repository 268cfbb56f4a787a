/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of int16 activations with RISC-V vectors: channels lie in the lanes, two pixels share each load
 * of weights.  Layout 0 is the portable one; layout 1 has its weights in the same order, and is for a depth multiplier
 * of 1 and sums that are proven to fit 32 bits (python/groat/pack/layouts/narrow_s16.py).
 */
#include <riscv_vector.h>

#include "../kernels.h"

int groat_depthwise_s16_needs_rvv(const groat_depthwise_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_depthwise_s16_needs_ref(k, needs);
    }
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->channels_in;
    needs->channels_bytes = 3 * (uint64_t)k->channels_in * sizeof(int32_t); /* bias, multiplier, shift of all */
    needs->scratch_bytes = 0;
    return k->layout == 1 && k->multiplier == 1;
}

int groat_depthwise_s16_check_rvv(const groat_depthwise_s16 *k)
{
    /* Whatever the constants of layout 1 hold, every instruction is defined. */
    return k->layout != 0 || groat_depthwise_s16_check_ref(k);
}

/* groat_requantize_wide of proven sums, see ../narrow_s16.h: the multiplier comes times 2^16. */
static inline void store(const groat_depthwise_s16 *k, vint32m8_t acc, const int32_t *scales, int16_t *out, size_t vl)
{
    acc = __riscv_vmulh_vv_i32m8(acc, __riscv_vle32_v_i32m8(scales + k->channels_in, vl), vl);
    vint32m8_t shift = __riscv_vle32_v_i32m8(scales + 2 * k->channels_in, vl);
    acc = __riscv_vssra_vv_i32m8(acc, __riscv_vreinterpret_v_i32m8_u32m8(shift), __RISCV_VXRM_RNU, vl);
    acc = __riscv_vmin_vx_i32m8(__riscv_vmax_vx_i32m8(acc, k->act_min, vl), k->act_max, vl);
    __riscv_vse16_v_i16m4(out, __riscv_vncvt_x_x_w_i16m4(acc, vl), vl);
}

/* The channels of one vector, of one or two pixels. */
static inline __attribute__((always_inline)) void block(const groat_depthwise_s16 *k, const int8_t *const *rows,
                                                        uint32_t offset, uint32_t channel, int16_t *out,
                                                        uint32_t pixels, size_t vl)
{
    const int32_t *scales = (const int32_t *)k->channels + channel;
    const int8_t *w = (const int8_t *)k->weights + channel;
    vint32m8_t first = __riscv_vle32_v_i32m8(scales, vl);
    vint32m8_t second = first;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int16_t *x = (const int16_t *)(const void *)rows[r] + offset + channel;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += k->channels_in) {
            vint16m4_t weights = __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(w, vl), vl);
            first = __riscv_vwmacc_vv_i32m8(first, __riscv_vle16_v_i16m4(x, vl), weights, vl);
            if (pixels > 1) {
                vint16m4_t next = __riscv_vle16_v_i16m4(x + k->pixel_stride, vl);
                second = __riscv_vwmacc_vv_i32m8(second, next, weights, vl);
            }
        }
    }
    store(k, first, scales, out, vl);
    if (pixels > 1) {
        store(k, second, scales, out + k->channels_in, vl);
    }
}

void groat_depthwise_s16_rvv(const groat_depthwise_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_depthwise_s16_ref(k, rows, out, pixels);
        return;
    }
    for (uint32_t o = 0; o < k->channels_in;) {
        size_t vl = __riscv_vsetvl_e32m8(k->channels_in - o);
        uint32_t p = 0;
        for (; p + 1 < pixels; p += 2) {
            block(k, rows, p * k->pixel_stride, o, out + p * k->channels_in + o, 2, vl);
        }
        if (p < pixels) {
            block(k, rows, p * k->pixel_stride, o, out + p * k->channels_in + o, 1, vl);
        }
        o += (uint32_t)vl;
    }
}
