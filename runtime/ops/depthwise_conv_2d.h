/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolutions as calls of their kernel, whatever the width of their weights.
 */
#ifndef GROAT_OPS_DEPTHWISE_CONV_2D_H
#define GROAT_OPS_DEPTHWISE_CONV_2D_H

#include "../kernels/select.h"
#include "window.h"

/* The kernel's arguments, but for its pointers. */
static inline void groat_depthwise_conv_2d_kernel(const groat_depthwise_conv_2d_params *p, groat_depthwise_s8 *k)
{
    const groat_window *w = &p->window;
    k->layout = p->layout;
    k->channels_in = w->in_c;
    k->multiplier = (uint32_t)(p->out_c / w->in_c);
    k->rows = w->kernel_h;
    k->taps = w->kernel_w;
    k->tap_stride = (uint32_t)w->dilation_w * w->in_c;
    k->pixel_stride = (uint32_t)w->stride_w * w->in_c;
    k->pixels = w->out_w;
    k->sparing = 0;
    k->output_zero_point = p->output_zero_point;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
}

/* The same for parts of so many pixels: of a stream, whose scratch lies beside its rings all the time. */
static inline void groat_depthwise_conv_2d_part_kernel(const groat_depthwise_conv_2d_params *p, uint32_t pixels,
                                                       groat_depthwise_s8 *k)
{
    groat_depthwise_conv_2d_kernel(p, k);
    k->pixels = pixels;
    k->sparing = 1;
}

/* The same for a kernel that takes the whole image. */
static inline groat_depthwise_image_s8 groat_depthwise_conv_2d_image(const groat_depthwise_conv_2d_params *p)
{
    return (groat_depthwise_image_s8){
        .window = &p->window,
        .layout = p->layout,
        .multiplier = (uint32_t)(p->out_c / p->window.in_c),
        .padding = p->input_zero_point,
        .output_zero_point = p->output_zero_point,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
}

/* The scratch of int8 weights. */
static inline uint32_t groat_depthwise_conv_2d_scratch(const groat_depthwise_conv_2d_params *p)
{
    groat_depthwise_image_s8 image = groat_depthwise_conv_2d_image(p);
    groat_depthwise_s8 k;
    groat_needs needs;
    if (groat_kernels.depthwise_image_s8_needs(&image, &needs)) {
        return (uint32_t)needs.scratch_bytes;
    }
    groat_depthwise_conv_2d_kernel(p, &k);
    groat_kernels.depthwise_s8_needs(&k, &needs);
    return groat_window_scratch_bytes(&p->window, needs.scratch_bytes);
}

/* A groat_segment of a groat_depthwise_s8. */
static inline void groat_depthwise_segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_kernels.depthwise_s8(context, rows, out, pixels);
}

/* Runs with int8 weights, wherever they lie. */
static inline void groat_depthwise_conv_2d_run(const groat_call *call, const groat_depthwise_conv_2d_params *p,
                                               const void *weights, void *scratch)
{
    const int8_t *in = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    groat_depthwise_image_s8 image = groat_depthwise_conv_2d_image(p);
    groat_needs needs;
    if (groat_kernels.depthwise_image_s8_needs(&image, &needs)) {
        image.weights = weights;
        image.channels = groat_const(call, p->channels);
        image.scratch = scratch;
        groat_kernels.depthwise_image_s8(&image, in, out);
        return;
    }
    groat_depthwise_s8 k;
    groat_depthwise_conv_2d_kernel(p, &k);
    k.weights = weights;
    k.channels = groat_const(call, p->channels);
    k.scratch = groat_window_kernel_scratch(&p->window, scratch);
    groat_for_segments(&p->window, p->input_zero_point, in, out, p->out_c, scratch, groat_depthwise_segment, &k);
}

#endif
