/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops of floats share.  Those that have a *_float_tmpl.h are written there once for every type.
 */
#ifndef GROAT_OPS_FLOAT_H
#define GROAT_OPS_FLOAT_H

#include "../kernels/float.h"
#include "window.h"

/* As groat_check_window; the walk counts bytes in the window's fields, which must hold those of a pixel. */
static inline int groat_check_window_float(const groat_call *call, const groat_window *w, uint32_t out_c, uint8_t dtype)
{
    GROAT_REQUIRE(w->in_c <= UINT16_MAX / groat_dtype_bytes(dtype));
    return groat_check_window(call, w, out_c, dtype);
}

/* The window over an image of floats as the walk sees it. */
static inline groat_window groat_window_of_float(const groat_window *w, uint32_t element_bytes)
{
    groat_window bytes = *w;
    bytes.in_c = (uint16_t)(element_bytes * w->in_c);
    return bytes;
}

#endif
