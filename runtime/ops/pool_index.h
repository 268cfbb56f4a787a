/* SPDX-License-Identifier: Apache-2.0
 *
 * What maximum poolings share that remember where their maxima were.
 */
#ifndef GROAT_OPS_POOL_INDEX_H
#define GROAT_OPS_POOL_INDEX_H

#include "pool.h"

/* x -> y, index. */
static inline int groat_check_pool_index(const groat_call *call, const groat_window *w, uint8_t dtype)
{
    GROAT_TRY(groat_check_counts(call, 1, 2));
    GROAT_TRY(groat_check_window(call, w, w->in_c, dtype));
    GROAT_REQUIRE(w->dilation_h == 1 && w->dilation_w == 1 && (uint32_t)w->kernel_h * w->kernel_w <= 256);
    return groat_check_tensor(call, 2, GROAT_UINT8, groat_elements(groat_arg_tensor(call, 1)));
}

/* Along one axis: the place in the image where a window starts, and which of its places are inside. */
typedef struct groat_inside {
    uint32_t start; /* of the first that is inside */
    uint32_t first;
    uint32_t end;
} groat_inside;

static inline groat_inside groat_inside_of(uint32_t window, uint32_t stride, uint32_t pad, uint32_t kernel,
                                           uint32_t size)
{
    const uint32_t at = window * stride;
    const uint32_t first = at < pad ? pad - at : 0;
    const uint32_t end = at + kernel < size + pad ? kernel : size + pad - at;
    return (groat_inside){.start = at + first - pad, .first = first, .end = end};
}

#endif
