/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float16 on the floating-point unit.
 */
#define FPU(name) groat_##name##_dsp
#include "../fpu_f16.h"
#include "../fpu_depthwise_plain_tmpl.h"

void KERNEL(depthwise)(const groat_depthwise_float *k, const int8_t *const *rows, ELEMENT *out, uint32_t pixels)
{
    uintptr_t places = k->channels_in * k->multiplier * sizeof(ELEMENT);
    for (uint32_t r = 0; k->channels_in > 1 && r < k->rows; r++) {
        places |= (uintptr_t)rows[r] | (k->pixel_stride | k->tap_stride) * sizeof(ELEMENT);
    }
    if (!LOADABLE(places | (uintptr_t)k->weights | (uintptr_t)out)) {
        PORTABLE(depthwise)(k, rows, out, pixels);
        return;
    }
    plain(k, rows, out, pixels);
}
