/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of floats, grouped or not: the walk of CONV_2D over an image of wider pixels.  Included for each type,
 * which defines DTYPE, ELEMENT, KERNEL and NEEDS.
 */
#include "../kernels/select.h"
#include "float.h"
#include "parallel.h"

typedef groat_conv_2d_float32_params float_params; /* the fields are the same for every type */

typedef struct conv_context {
    const groat_call *call;
    uint32_t parts;
    groat_conv_float kernel; /* of one group */
    uint32_t groups;
    uint32_t in_c;           /* of one group */
    uint32_t weights_step;   /* bytes from one group's weights to the next one's */
    uint32_t channels_step;
} conv_context;

static uint32_t align_up(uint64_t bytes)
{
    return (uint32_t)((bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN);
}

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const float_params *p, conv_context *c, groat_needs *needs)
{
    const groat_window *w = &p->window;
    c->groups = p->groups;
    c->in_c = (uint32_t)(w->in_c / p->groups);
    /* Taps that lie side by side in every row are one long run. */
    int joined = p->groups == 1 && w->dilation_w == 1;
    groat_conv_float *k = &c->kernel;
    k->layout = p->layout;
    k->channels_out = (uint32_t)(p->out_c / p->groups);
    k->rows = w->kernel_h;
    k->taps = joined ? 1 : w->kernel_w;
    k->run = joined ? w->kernel_w * c->in_c : c->in_c;
    k->tap_stride = (uint32_t)w->dilation_w * w->in_c;
    k->pixel_stride = (uint32_t)w->stride_w * w->in_c;
    k->out_stride = p->out_c;
    k->pixels_most = (uint32_t)w->batches * w->out_h * w->out_w;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    int known = NEEDS(k, needs);
    c->weights_step = align_up(needs->weights_bytes);
    c->channels_step = align_up(needs->channels_bytes);
    return known;
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_trainable(call, p->layout));
    GROAT_TRY(groat_check_window_float(call, &p->window, p->out_c, DTYPE));
    GROAT_REQUIRE(p->groups > 0 && p->window.in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    conv_context c;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &c, &needs));
    uint64_t before_last = c.groups - 1u;
    /* So that the products below fit 64 bits. */
    GROAT_REQUIRE(needs.weights_bytes <= UINT32_MAX && needs.channels_bytes <= UINT32_MAX);
    const uint64_t weights = (uint64_t)p->out_c * p->window.kernel_h * p->window.kernel_w * c.in_c;
    GROAT_TRY(
        groat_check_weights(call, DTYPE, weights, p->weights, before_last * c.weights_step + needs.weights_bytes));
    return groat_check_biases(call, p->out_c, p->channels, before_last * c.channels_step + needs.channels_bytes);
}

static uint32_t scratch_bytes(const void *params)
{
    const float_params *p = params;
    const groat_window bytes = groat_window_of_float(&p->window, sizeof(ELEMENT));
    conv_context c;
    groat_needs needs;
    prepare(p, &c, &needs);
    return groat_window_scratch_bytes(&bytes, needs.scratch_bytes);
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const conv_context *c = context;
    ELEMENT *to = (ELEMENT *)(void *)out;
    if (c->groups == 1) {
        KERNEL(&c->kernel, rows, to, pixels);
        return;
    }
    groat_conv_float k = c->kernel;
    /* The row pointers lie in this step's own scratch, so they may be moved along and back. */
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    uint32_t step = c->in_c * (uint32_t)sizeof(ELEMENT);
    for (uint32_t g = 0; g < c->groups; g++, to += k.channels_out) {
        KERNEL(&k, rows, to, pixels);
        k.weights = (const uint8_t *)k.weights + c->weights_step;
        k.channels = (const uint8_t *)k.channels + c->channels_step;
        for (uint32_t r = 0; r < k.rows; r++) {
            moved[r] += step;
        }
    }
    for (uint32_t r = 0; r < k.rows; r++) {
        moved[r] -= c->groups * step;
    }
}

/* A part: some rows of each image. */
static void rows_of_images(const void *context, uint32_t part)
{
    conv_context c = *(const conv_context *)context;
    const float_params *p = groat_params(c.call);
    const groat_window *w = &p->window;
    const groat_share rows = groat_share_of(w->out_h, part, c.parts);
    uint32_t in_row;
    const groat_window of_part = groat_window_of_outputs(w, rows, &in_row);
    const groat_window bytes = groat_window_of_float(&of_part, sizeof(ELEMENT));
    void *scratch = groat_part_scratch(c.call, part, scratch_bytes(p));
    c.kernel.scratch = groat_window_kernel_scratch(&bytes, scratch);
    const ELEMENT *in = groat_in(c.call, 0);
    ELEMENT *out = groat_out(c.call, 0);
    in += in_row * w->in_w * w->in_c;
    out += rows.first * w->out_w * p->out_c;
    for (uint32_t n = 0; n < w->batches; n++) {
        groat_for_segments(&bytes, 0, (const int8_t *)(const void *)in, (int8_t *)(void *)out,
                           p->out_c * (uint32_t)sizeof(ELEMENT), scratch, segment, &c);
        in += w->in_h * w->in_w * w->in_c;
        out += w->out_h * w->out_w * p->out_c;
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    conv_context c;
    groat_needs needs;
    prepare(p, &c, &needs);
    c.kernel.weights = groat_weights(call, p->weights);
    c.kernel.channels = groat_biases(call, p->channels);
    /* Tensors have no room between groups. */
    if (call->step->inputs > 1) {
        c.weights_step =
            c.kernel.channels_out * c.kernel.rows * c.kernel.taps * c.kernel.run * (uint32_t)sizeof(ELEMENT);
    }
    if (call->step->inputs > 2) {
        c.channels_step = c.kernel.channels_out * (uint32_t)sizeof(float);
    }
    c.call = call;
    c.parts = groat_parts_with_scratch(call, p->window.out_h, scratch_bytes(p));
    groat_parallel_for(&c, c.parts, rows_of_images);
}
