/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layers as calls of the convolution's kernel, whatever the width of their weights.
 */
#ifndef GROAT_OPS_FULLY_CONNECTED_H
#define GROAT_OPS_FULLY_CONNECTED_H

#include "../kernels/select.h"

/* One row of one run, with every batch a pixel.  Pointers are for the caller. */
static inline void groat_fully_connected_kernel(const groat_fully_connected_params *p, groat_conv_s8 *k)
{
    k->layout = p->layout;
    k->channels_out = p->out_c;
    k->rows = 1;
    k->taps = 1;
    k->run = p->depth;
    k->tap = p->depth;
    k->tap_stride = p->depth;
    k->pixel_stride = p->depth;
    k->out_stride = p->out_c;
    k->acc_offset = 0;
    k->output_zero_point = p->output_zero_point;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
}

static inline int32_t groat_sum_of(const int8_t *x, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += (uint32_t)x[i];
    }
    return (int32_t)total;
}

/* All batches against the channels of `k`. */
static inline void groat_fully_connected_run(const groat_fully_connected_params *p, groat_conv_s8 *k, const int8_t *in,
                                             int8_t *out)
{
    if (p->weights_zero_point == 0) {
        groat_kernels.conv_s8(k, &in, out, p->batches);
        return;
    }
    /* sum of (w - z) * x = sum of w * x - z * sum of x; the other terms are folded into the bias. */
    for (uint32_t b = 0; b < p->batches; b++, in += p->depth, out += p->out_c) {
        k->acc_offset = (int32_t)(0u - (uint32_t)p->weights_zero_point * (uint32_t)groat_sum_of(in, p->depth));
        groat_kernels.conv_s8(k, &in, out, 1);
    }
}

#endif
