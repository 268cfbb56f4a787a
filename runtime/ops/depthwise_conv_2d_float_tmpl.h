/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of floats: the walk of DEPTHWISE_CONV_2D over an image of wider pixels.  Included for each type,
 * which defines DTYPE, ELEMENT, KERNEL and NEEDS.
 */
#include "../kernels/select.h"
#include "float.h"
#include "parallel.h"

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

typedef struct rows_context {
    const groat_call *call;
    uint32_t parts;
} rows_context;

/* A part: some rows of each image. */
static void rows_of_images(const void *context, uint32_t part)
{
    const rows_context *c = context;
    const float_params *p = groat_params(c->call);
    const groat_window *w = &p->window;
    const groat_share rows = groat_share_of(w->out_h, part, c->parts);
    uint32_t in_row;
    const groat_window of_part = groat_window_of_outputs(w, rows, &in_row);
    const groat_window bytes = groat_window_of_float(&of_part, sizeof(ELEMENT));
    void *scratch = groat_part_scratch(c->call, part, scratch_bytes(p));
    groat_depthwise_float k;
    groat_needs needs;
    prepare(p, &k, &needs);
    k.weights = groat_weights(c->call, p->weights);
    k.channels = groat_biases(c->call, p->channels);
    k.scratch = groat_window_kernel_scratch(&bytes, scratch);
    const ELEMENT *in = groat_in(c->call, 0);
    ELEMENT *out = groat_out(c->call, 0);
    in += in_row * w->in_w * w->in_c;
    out += rows.first * w->out_w * p->out_c;
    for (uint32_t n = 0; n < w->batches; n++) {
        groat_for_segments(&bytes, 0, (const int8_t *)(const void *)in, (int8_t *)(void *)out,
                           p->out_c * (uint32_t)sizeof(ELEMENT), scratch, segment, &k);
        in += w->in_h * w->in_w * w->in_c;
        out += w->out_h * w->out_w * p->out_c;
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const rows_context c = {call, groat_parts_with_scratch(call, p->window.out_h, scratch_bytes(p))};
    groat_parallel_for(&c, c.parts, rows_of_images);
}
