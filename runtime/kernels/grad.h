/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of a convolution's gradients share: which outputs a tap reaches, and how a gradient is added.
 */
#ifndef GROAT_GRAD_H
#define GROAT_GRAD_H

#include "float.h"

/* A window along one axis. */
typedef struct groat_axis {
    uint32_t in;
    uint32_t out;
    uint32_t stride;
    uint32_t dilation;
    uint32_t pad;
} groat_axis;

static inline groat_axis groat_axis_h(const groat_window *w)
{
    return (groat_axis){w->in_h, w->out_h, w->stride_h, w->dilation_h, w->pad_top};
}

static inline groat_axis groat_axis_w(const groat_window *w)
{
    return (groat_axis){w->in_w, w->out_w, w->stride_w, w->dilation_w, w->pad_left};
}

/* The outputs from *first on and before *end are those whose tap `tap` lies inside the input. */
static inline void groat_outputs_of_tap(const groat_axis *a, uint32_t tap, uint32_t *first, uint32_t *end)
{
    uint32_t offset = tap * a->dilation;
    uint32_t before = a->pad > offset ? a->pad - offset : 0;
    uint32_t behind = a->in + a->pad > offset ? a->in + a->pad - offset : 0;
    *end = (behind + a->stride - 1) / a->stride;
    *end = *end < a->out ? *end : a->out;
    *first = (before + a->stride - 1) / a->stride;
    *first = *first < *end ? *first : *end;
}

/* Whether some output reads input `at` with tap `tap`; it goes to *output. */
static inline int groat_output_of(const groat_axis *a, uint32_t at, uint32_t tap, uint32_t *output)
{
    uint32_t offset = tap * a->dilation;
    if (at + a->pad < offset) {
        return 0;
    }
    uint32_t distance = at + a->pad - offset;
    *output = distance / a->stride;
    return *output * a->stride == distance && *output < a->out;
}

/* alpha * sum, added to beta times what is there; with beta 0 it does not matter what that is. */
static inline float groat_blend(float alpha, float sum, float beta, float there)
{
    return beta == 0.0f ? alpha * sum : beta * there + alpha * sum;
}

#endif
