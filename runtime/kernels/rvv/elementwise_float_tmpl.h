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
