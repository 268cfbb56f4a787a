/* SPDX-License-Identifier: Apache-2.0
 *
 * What training does with floats, element by element.
 */
#include "../float.h"

void KERNEL(finite)(const ELEMENT *x, uint32_t count, uint32_t *finite)
{
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        float wide = WIDE(x[i]);
        sum += wide - wide; /* 0, or not a number */
    }
    *finite = sum == 0.0f;
}

void KERNEL(clamp_grad)(const groat_elementwise_float *k, const ELEMENT *dy, const ELEMENT *y, ELEMENT *dx,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        float wide = WIDE(y[i]);
        dx[i] = k->act_min < wide && wide < k->act_max ? dy[i] : 0;
    }
}

void KERNEL(clamp_mask)(const groat_elementwise_float *k, const ELEMENT *y, uint8_t *mask, uint32_t count)
{
    for (uint32_t some; count > 0; count -= some, y += some) {
        some = count < 8 ? count : 8;
        uint32_t bits = 0;
        for (uint32_t i = 0; i < some; i++) {
            float wide = WIDE(y[i]);
            bits |= (uint32_t)(k->act_min < wide && wide < k->act_max) << i;
        }
        *mask++ = (uint8_t)bits;
    }
}

void KERNEL(clamp_grad_mask)(const ELEMENT *dy, const uint8_t *mask, ELEMENT *dx, uint32_t count)
{
    for (uint32_t some; count > 0; count -= some, dy += some, dx += some) {
        some = count < 8 ? count : 8;
        uint32_t bits = *mask++;
        for (uint32_t i = 0; i < some; i++, bits >>= 1) {
            dx[i] = bits & 1u ? dy[i] : 0;
        }
    }
}

void KERNEL(sgd)(const groat_sgd_float *k, const ELEMENT *g, ELEMENT *velocity, ELEMENT *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        float wide = WIDE(w[i]);
        float d = WIDE(g[i]) + k->decay * wide;
        if (velocity != 0) {
            velocity[i] = NARROW_FINITE(k->momentum * WIDE(velocity[i]) + d);
            d = WIDE(velocity[i]);
        }
        w[i] = NARROW_FINITE(wide - k->rate * d);
    }
}
