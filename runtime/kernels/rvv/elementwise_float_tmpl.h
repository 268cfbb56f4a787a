/* SPDX-License-Identifier: Apache-2.0
 *
 * Floats element by element, as many at a time as eight registers hold.
 */
#include "finite.h"

/* What is not a number is less than no limit, and so stays. */
static inline SUM clamped(SUM x, ELEMENT low, ELEMENT high, const groat_elementwise_float *k, size_t vl)
{
    if (k->act_min > -__builtin_inff()) {
        x = SUM_MERGE(x, low, SUM_LESS(x, low, vl), vl);
    }
    if (k->act_max < __builtin_inff()) {
        x = SUM_MERGE(x, high, SUM_GREATER(x, high, vl), vl);
    }
    return x;
}

/* A sum is rounded once either way: float32 has more than twice the digits of float16.  Rounding keeps order, so limits may
 * be rounded before. */
void KERNEL(add)(const groat_elementwise_float *k, const KERNEL_ELEMENT *a, uint32_t a_step, const KERNEL_ELEMENT *b,
                 uint32_t b_step, KERNEL_ELEMENT *out, uint32_t count)
{
    const ELEMENT low = OF_FLOAT(k->act_min), high = OF_FLOAT(k->act_max);
    const ELEMENT *x = (const ELEMENT *)(const void *)a;
    const ELEMENT *y = (const ELEMENT *)(const void *)b;
    ELEMENT *to = (ELEMENT *)(void *)out;
    for (size_t vl; count > 0; count -= (uint32_t)vl, x += a_step * vl, y += b_step * vl, to += vl) {
        vl = SUM_VL(count);
        SUM sum = a_step ? SUM_LOAD(x, vl) : SUM_OF(*x, vl);
        sum = b_step ? SUM_ADD(sum, SUM_LOAD(y, vl), vl) : SUM_ADD(sum, SUM_OF(*y, vl), vl);
        SUM_STORE(to, clamped(sum, low, high, k, vl), vl);
    }
}

void KERNEL(finite)(const KERNEL_ELEMENT *x, uint32_t count, uint32_t *finite)
{
    *finite = (uint32_t)FINITE((const ELEMENT *)(const void *)x, count);
}

void KERNEL(clamp_grad)(const groat_elementwise_float *k, const KERNEL_ELEMENT *dy, const KERNEL_ELEMENT *y,
                        KERNEL_ELEMENT *dx, uint32_t count)
{
    const ELEMENT low = OF_FLOAT(k->act_min), high = OF_FLOAT(k->act_max);
    if (WIDE(low) != k->act_min || WIDE(high) != k->act_max) { /* limits between two float16 */
        PORTABLE(clamp_grad)(k, dy, y, dx, count);
        return;
    }
    const ELEMENT *from = (const ELEMENT *)(const void *)dy;
    const ELEMENT *of = (const ELEMENT *)(const void *)y;
    ELEMENT *to = (ELEMENT *)(void *)dx;
    for (size_t vl; count > 0; count -= (uint32_t)vl, from += vl, of += vl, to += vl) {
        vl = SUM_VL(count);
        const SUM value = SUM_LOAD(of, vl);
        const MASK stops = MASK_NAND(SUM_GREATER(value, low, vl), SUM_LESS(value, high, vl), vl);
        SUM_STORE(to, SUM_MERGE(SUM_LOAD(from, vl), 0, stops, vl), vl);
    }
}

/* A mask is a register's, byte for byte, but for the bits behind the last. */
void KERNEL(clamp_mask)(const groat_elementwise_float *k, const KERNEL_ELEMENT *y, uint8_t *mask, uint32_t count)
{
    const ELEMENT low = OF_FLOAT(k->act_min), high = OF_FLOAT(k->act_max);
    const uint32_t whole = WIDE(low) == k->act_min && WIDE(high) == k->act_max ? count / 8 * 8 : 0;
    const uint32_t most = (uint32_t)SUM_VLMAX();
    const ELEMENT *of = (const ELEMENT *)(const void *)y;
    for (uint32_t left = whole, some; left > 0; left -= some, of += some, mask += some / 8) {
        some = at_most(left, most);
        const size_t vl = SUM_VL(some);
        const SUM value = SUM_LOAD(of, vl);
        MASK_STORE(mask, MASK_AND(SUM_GREATER(value, low, vl), SUM_LESS(value, high, vl), vl), vl);
    }
    if (whole < count) {
        PORTABLE(clamp_mask)(k, y + whole, mask, count - whole);
    }
}

void KERNEL(clamp_grad_mask)(const KERNEL_ELEMENT *dy, const uint8_t *mask, KERNEL_ELEMENT *dx, uint32_t count)
{
    const uint32_t most = (uint32_t)SUM_VLMAX();
    const ELEMENT *from = (const ELEMENT *)(const void *)dy;
    ELEMENT *to = (ELEMENT *)(void *)dx;
    for (uint32_t some; count > 0; count -= some, from += some, to += some, mask += some / 8) {
        some = at_most(count, most);
        const size_t vl = SUM_VL(some);
        const MASK passes = MASK_LOAD(mask, vl);
        SUM_STORE(to, SUM_MERGE(SUM_LOAD(from, vl), 0, MASK_NAND(passes, passes, vl), vl), vl);
    }
}

/* Channels in the lanes, pixel by pixel. */
void KERNEL(average_pool)(const groat_pool_float *k, const int8_t *const *rows, KERNEL_ELEMENT *out, uint32_t pixels)
{
    const float count = (float)(k->rows * k->taps);
    ELEMENT *to = (ELEMENT *)(void *)out;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0, vl; c < k->channels; c += vl, to += vl) {
            vl = (uint32_t)__riscv_vsetvl_e32m8(k->channels - c);
            vfloat32m8_t sum = rvv_zeros(vl);
            for (uint32_t r = 0; r < k->rows; r++) {
                const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + p * k->pixel_stride + c;
                for (uint32_t t = 0; t < k->taps; t++, x += k->channels) {
                    sum = ADD_VECTOR(sum, LOAD(x, vl), vl);
                }
            }
            STORE(to, rvv_clamp(__riscv_vfdiv_vf_f32m8(sum, count, vl), k->act_min, k->act_max, vl), vl);
        }
    }
}
