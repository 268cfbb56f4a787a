/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of floats: the walk of DEPTHWISE_CONV_2D over an image of wider pixels.  Included for each type,
 * which defines DTYPE, ELEMENT, KERNEL and NEEDS.
 */
#include "../kernels/select.h"
#include "float.h"

typedef groat_depthwise_conv_2d_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const float_params *p, groat_depthwise_float *k, groat_needs *needs)
{
    const groat_window *w = &p->window;
    k->layout = p->layout;
    k->channels_in = w->in_c;
    k->multiplier = (uint32_t)(p->out_c / w->in_c);
    k->rows = w->kernel_h;
    k->taps = w->kernel_w;
    k->tap_stride = (uint32_t)w->dilation_w * w->in_c;
    k->pixel_stride = (uint32_t)w->stride_w * w->in_c;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    return NEEDS(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_trainable(call, p->layout));
    GROAT_TRY(groat_check_window_float(call, &p->window, p->out_c, DTYPE));
    GROAT_REQUIRE(p->out_c % p->window.in_c == 0 && p->act_min <= p->act_max);
    groat_depthwise_float k;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &k, &needs));
    const uint64_t weights = (uint64_t)p->window.kernel_h * p->window.kernel_w * p->out_c;
    GROAT_TRY(groat_check_weights(call, DTYPE, weights, p->weights, needs.weights_bytes));
    return groat_check_biases(call, p->out_c, p->channels, needs.channels_bytes);
}

static uint32_t scratch_bytes(const void *params)
{
    const float_params *p = params;
    const groat_window bytes = groat_window_of_float(&p->window, sizeof(ELEMENT));
    groat_depthwise_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    return groat_window_scratch_bytes(&bytes, needs.scratch_bytes);
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    KERNEL(context, rows, (ELEMENT *)(void *)out, pixels);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_float(&p->window, sizeof(ELEMENT));
    groat_depthwise_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_weights(call, p->weights);
    k.channels = groat_biases(call, p->channels);
    k.scratch = groat_window_kernel_scratch(&bytes, groat_scratch(call));
    groat_for_segments(&bytes, 0, groat_in(call, 0), groat_out(call, 0), p->out_c * (uint32_t)sizeof(ELEMENT),
                       groat_scratch(call), segment, &k);
}
