/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two poolings share: windows are cut off at the border, not padded.
 */
#ifndef GROAT_OPS_POOL_H
#define GROAT_OPS_POOL_H

#include "../kernels/kernels.h"
#include "window.h"

int groat_check_pool(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max, uint8_t dtype);

static inline uint32_t groat_pool_scratch_bytes(const groat_window *w)
{
    return (uint32_t)w->kernel_h * GROAT_POINTER_BYTES;
}

typedef void (*groat_pool_kernel)(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);

/* The walk counts bytes: for int16, of groat_window_of_s16. */
void groat_pool(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max,
                groat_pool_kernel kernel);

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* One window that is the whole image: its parts may be added up as they come. */
int groat_pool_is_global(const groat_window *w);

/* The average of such a window; halves round away from zero. */
int32_t groat_pool_mean(const groat_window *w, int32_t sum);

void groat_pool_rows(const groat_window *w, groat_rows *rows);

uint32_t groat_pool_part_scratch_bytes(const groat_window *w, const groat_unit *unit);

void groat_pool_part(const groat_call *call, const groat_window *w, int32_t act_min, int32_t act_max,
                     const groat_part *part, groat_pool_kernel kernel);

#endif
