/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of int16 activations with RISC-V vectors: output channels lie in the lanes, inputs are
 * scalars, and up to three pixels share each load of weights.  Layout 0 is the portable one; layout 1 is for layers
 * whose sums are proven to fit 32 bits (python/groat/pack/layouts/narrow_s16.py), its weights lie channel after channel
 * for each tap, so that any length of vectors can read them.
 */
#include <riscv_vector.h>

#include "../kernels.h"

enum {
    PIXELS = 3
};

int groat_conv_s16_needs_rvv(const groat_conv_s16 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_conv_s16_needs_ref(k, needs);
    }
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out;
    needs->channels_bytes = 3 * (uint64_t)k->channels_out * sizeof(int32_t); /* bias, multiplier, shift of all */
    needs->scratch_bytes = 0;
    return k->layout == 1;
}

int groat_conv_s16_check_rvv(const groat_conv_s16 *k)
{
    /* Whatever the constants of layout 1 hold, every instruction is defined. */
    return k->layout != 0 || groat_conv_s16_check_ref(k);
}

/* groat_requantize_wide of proven sums, see ../narrow_s16.h: the multiplier comes times 2^16. */
static inline void store(const groat_conv_s16 *k, vint32m8_t acc, const int32_t *scales, int16_t *out, size_t vl)
{
    acc = __riscv_vmulh_vv_i32m8(acc, __riscv_vle32_v_i32m8(scales + k->channels_out, vl), vl);
    vint32m8_t shift = __riscv_vle32_v_i32m8(scales + 2 * k->channels_out, vl);
    acc = __riscv_vssra_vv_i32m8(acc, __riscv_vreinterpret_v_i32m8_u32m8(shift), __RISCV_VXRM_RNU, vl);
    acc = __riscv_vmin_vx_i32m8(__riscv_vmax_vx_i32m8(acc, k->act_min, vl), k->act_max, vl);
    __riscv_vse16_v_i16m4(out, __riscv_vncvt_x_x_w_i16m4(acc, vl), vl);
}

/* The channels of one vector, of `pixels` pixels. */
static inline __attribute__((always_inline)) void block(const groat_conv_s16 *k, const int8_t *const *rows,
                                                        uint32_t offset, uint32_t channel, int16_t *out,
                                                        uint32_t pixels, size_t vl)
{
    const int32_t *scales = (const int32_t *)k->channels + channel;
    const int8_t *w = (const int8_t *)k->weights + channel;
    vint32m8_t first = __riscv_vle32_v_i32m8(scales, vl);
    vint32m8_t second = first;
    vint32m8_t third = first;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int16_t *tap = (const int16_t *)(const void *)rows[r] + offset;
        for (uint32_t t = 0; t < k->taps; t++, tap += k->tap_stride) {
            const int16_t *a = tap;
            const int16_t *b = pixels > 1 ? a + k->pixel_stride : a;
            const int16_t *c = pixels > 2 ? b + k->pixel_stride : b;
            for (const int16_t *end = a + k->run; a < end; a++, b++, c++, w += k->channels_out) {
                vint16m4_t weights = __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(w, vl), vl);
                first = __riscv_vwmacc_vx_i32m8(first, *a, weights, vl);
                if (pixels > 1) {
                    second = __riscv_vwmacc_vx_i32m8(second, *b, weights, vl);
                }
                if (pixels > 2) {
                    third = __riscv_vwmacc_vx_i32m8(third, *c, weights, vl);
                }
            }
        }
    }
    store(k, first, scales, out, vl);
    if (pixels > 1) {
        store(k, second, scales, out + k->out_stride, vl);
    }
    if (pixels > 2) {
        store(k, third, scales, out + 2 * k->out_stride, vl);
    }
}

void groat_conv_s16_rvv(const groat_conv_s16 *k, const int8_t *const *rows, int16_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_conv_s16_ref(k, rows, out, pixels);
        return;
    }
    for (uint32_t o = 0; o < k->channels_out;) {
        size_t vl = __riscv_vsetvl_e32m8(k->channels_out - o);
        uint32_t p = 0;
        for (; p + PIXELS <= pixels; p += PIXELS) {
            block(k, rows, p * k->pixel_stride, o, out + p * k->out_stride + o, PIXELS, vl);
        }
        if (p + 1 < pixels) {
            block(k, rows, p * k->pixel_stride, o, out + p * k->out_stride + o, 2, vl);
        } else if (p < pixels) {
            block(k, rows, p * k->pixel_stride, o, out + p * k->out_stride + o, 1, vl);
        }
        o += (uint32_t)vl;
    }
}
