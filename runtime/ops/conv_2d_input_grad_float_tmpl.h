/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a convolution of floats, image by image and group by group.  Included for each type, by way of
 * as_*.h.
 */
#include "../kernels/select.h"
#include "float.h"
#include "parallel.h"

typedef groat_conv_2d_input_grad_float32_params float_params; /* the fields are the same for every type */

/* The kernel's arguments but for its scratch, and what it needs. */
static void prepare(const float_params *p, groat_conv_grad_float *k, groat_needs *needs)
{
    k->window = &p->window;
    k->channels_in = (uint32_t)(p->window.in_c / p->groups);
    k->channels_out = (uint32_t)(p->out_c / p->groups);
    k->in_stride = p->window.in_c;
    k->out_stride = p->out_c;
    NEEDS(conv_input_grad)(k, needs);
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->groups > 0 && w->in_c % p->groups == 0 && p->out_c % p->groups == 0);
    const uint64_t filter = (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->groups);
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, filter * p->out_c));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, groat_window_outputs(w, p->out_c)));
    return groat_check_tensor(call, 2, DTYPE, groat_window_inputs(w, w->in_c));
}

static uint32_t scratch_bytes(const void *params)
{
    groat_conv_grad_float k;
    groat_needs needs;
    prepare(params, &k, &needs);
    return groat_saturated(needs.scratch_bytes);
}

typedef struct grad_context {
    const groat_call *call;
    groat_conv_grad_float kernel;
    uint32_t scratch_bytes; /* of a part */
    uint32_t parts;
} grad_context;

/* A part: some rows of each image. */
static void rows_of_images(const void *context, uint32_t part)
{
    const grad_context *c = context;
    const float_params *p = groat_params(c->call);
    const groat_window *w = &p->window;
    const groat_share rows = groat_share_of(w->in_h, part, c->parts);
    uint32_t out_row;
    const groat_window window = groat_window_of_inputs(w, rows, &out_row);
    groat_conv_grad_float k = c->kernel;
    k.window = &window;
    k.scratch = groat_part_scratch(c->call, part, c->scratch_bytes);
    const uint32_t filters = k.channels_out * w->kernel_h * w->kernel_w * k.channels_in;
    const ELEMENT *dy = groat_in(c->call, 1);
    ELEMENT *dx = groat_out(c->call, 0);
    dy += out_row * w->out_w * p->out_c;
    dx += rows.first * w->in_w * w->in_c;
    for (uint32_t n = 0; n < w->batches; n++) {
        const ELEMENT *weights = groat_in(c->call, 0);
        for (uint32_t g = 0; g < p->groups; g++) {
            KERNEL(conv_input_grad)(&k, weights, dy + g * k.channels_out, dx + g * k.channels_in);
            weights += filters;
        }
        dy += w->out_h * w->out_w * p->out_c;
        dx += w->in_h * w->in_w * w->in_c;
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    groat_needs needs;
    grad_context c = {.call = call};
    prepare(p, &c.kernel, &needs);
    c.scratch_bytes = groat_saturated(needs.scratch_bytes);
    c.parts = groat_parts_with_scratch(call, p->window.in_h, c.scratch_bytes);
    groat_parallel_for(&c, c.parts, rows_of_images);
}
