/* SPDX-License-Identifier: Apache-2.0
 *
 * What gradients of poolings share: for a place of the input, the windows that hold it.
 */
#ifndef GROAT_OPS_POOL_GRAD_H
#define GROAT_OPS_POOL_GRAD_H

#include "pool.h"

/* As groat_check_pool, of a pool whose output is an input of the call, and whose input is the output. */
static inline int groat_check_pool_grad(const groat_call *call, const groat_window *w, uint8_t dtype)
{
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->dilation_h == 1 && w->dilation_w == 1);
    GROAT_REQUIRE((uint32_t)w->kernel_h * w->kernel_w < 1u << 24);
    uint64_t in = (uint64_t)w->in_h * w->in_w * w->batches;
    uint64_t out = (uint64_t)w->out_h * w->out_w * w->batches;
    GROAT_TRY(groat_check_tensor(call, 0, dtype, out * w->in_c));
    return groat_check_tensor(call, call->step->inputs, dtype, in * w->in_c);
}

/* Windows along one axis, first to before end. */
typedef struct groat_span {
    uint32_t first;
    uint32_t end;
} groat_span;

static inline int groat_same_span(groat_span a, groat_span b)
{
    return a.first == b.first && a.end == b.end;
}

/* Those that hold position `at` of the input. */
static inline groat_span groat_windows_of(uint32_t at, uint32_t pad, uint32_t kernel, uint32_t stride, uint32_t out)
{
    uint32_t last = (at + pad) / stride + 1;
    groat_span span = {
        .first = at + pad < kernel ? 0 : (at + pad - kernel) / stride + 1,
        .end = last < out ? last : out,
    };
    return span;
}

#endif
