/* SPDX-License-Identifier: Apache-2.0
 *
 * How a convolution's parameters become its kernel's arguments, whatever the width of its weights.
 */
#ifndef GROAT_OPS_CONV_2D_H
#define GROAT_OPS_CONV_2D_H

#include "../kernels/kernels.h"

/* The arguments of one group, but for its pointers.  Field by field: clearing the whole first would
 * cost more than all the rest of opening a small layer. */
static inline void groat_conv_2d_kernel(const groat_conv_2d_params *p, groat_conv_s8 *k)
{
    const groat_window *w = &p->window;
    uint32_t in_c = (uint32_t)(w->in_c / p->groups);
    /* Taps that lie side by side in every row are one long run. */
    int joined = p->groups == 1 && w->dilation_w == 1;
    k->layout = p->layout;
    k->channels_out = (uint32_t)(p->out_c / p->groups);
    k->rows = w->kernel_h;
    k->taps = joined ? 1 : w->kernel_w;
    k->run = joined ? w->kernel_w * in_c : in_c;
    k->tap = in_c;
    k->tap_stride = (uint32_t)w->dilation_w * w->in_c;
    k->pixel_stride = (uint32_t)w->stride_w * w->in_c;
    k->out_stride = p->out_c;
    k->out_row_stride = (uint32_t)w->out_w * p->out_c;
    k->acc_offset = 0;
    k->output_zero_point = p->output_zero_point;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
}

#endif
