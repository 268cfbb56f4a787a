/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two poolings share: windows are cut off at the border, not padded.
 */
#ifndef GROAT_OPS_POOL_H
#define GROAT_OPS_POOL_H

#include "../kernels/kernels.h"
#include "window.h"

int groat_check_pool(const groat_call *call, const groat_window *w, int8_t act_min, int8_t act_max);

static inline uint32_t groat_pool_scratch_bytes(const groat_window *w)
{
    return (uint32_t)w->kernel_h * GROAT_POINTER_BYTES;
}

typedef void (*groat_pool_kernel)(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);

void groat_pool(const groat_call *call, const groat_window *w, int8_t act_min, int8_t act_max,
                groat_pool_kernel kernel);

#endif
