/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, grouped or not: a filter for each output channel, over windows of the image.
 */
#include "../kernels/select.h"
#include "conv_2d.h"
#include "window.h"

typedef struct conv_context {
    groat_conv_s8 kernel;   /* of one group */
    uint32_t groups;
    uint32_t in_c;          /* of one group */
    uint32_t weights_step;  /* bytes from one group's constants to the next one's */
    uint32_t channels_step;
} conv_context;

static uint32_t align_up(uint64_t bytes)
{
    return (uint32_t)((bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN);
}

/* The kernel's arguments but for its pointers, and what it needs; 0 if it does not know the layout. */
static int prepare(const groat_conv_2d_params *p, conv_context *c, groat_needs *needs)
{
    c->groups = p->groups;
    c->in_c = (uint32_t)(p->window.in_c / p->groups);
    groat_conv_2d_kernel(p, &c->kernel);
    needs->more_rows = 0;
    int known = groat_kernels.conv_s8_needs(&c->kernel, needs);
    c->weights_step = align_up(needs->weights_bytes);
    c->channels_step = align_up(needs->channels_bytes);
    return known;
}

/* Whether the image can be cut into strips: neighbouring windows are one row apart, and there is a square of them. */
static int has_strips(const groat_conv_2d_params *p, uint32_t strip)
{
    const groat_window *w = &p->window;
    int unit = p->groups == 1 && w->stride_h == 1 && w->dilation_h == 1;
    return strip == 1 || (unit && w->out_h >= strip && w->out_w >= strip);
}

static int check(const groat_call *call)
{
    const groat_conv_2d_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c, GROAT_INT8));
    GROAT_REQUIRE(p->groups > 0 && p->window.in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    conv_context c;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &c, &needs));
    GROAT_REQUIRE(has_strips(p, needs.more_rows + 1u));
    uint64_t before_last = c.groups - 1u;
    /* So that the products below fit 64 bits. */
    GROAT_REQUIRE(needs.weights_bytes <= UINT32_MAX && needs.channels_bytes <= UINT32_MAX);
    GROAT_TRY(groat_check_const(call, p->weights, before_last * c.weights_step + needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, before_last * c.channels_step + needs.channels_bytes));
    for (uint32_t g = 0; g < c.groups; g++) {
        c.kernel.weights = groat_const(call, p->weights + g * c.weights_step);
        c.kernel.channels = groat_const(call, p->channels + g * c.channels_step);
        GROAT_REQUIRE(groat_kernels.conv_s8_check(&c.kernel));
    }
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_params *p = params;
    conv_context c;
    groat_needs needs;
    if (!prepare(p, &c, &needs)) {
        return 0; /* such a step is never run */
    }
    return groat_strips_scratch_bytes(&p->window, needs.more_rows + 1u, needs.scratch_bytes);
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const conv_context *c = context;
    if (c->groups == 1) {
        groat_kernels.conv_s8(&c->kernel, rows, out, pixels);
        return;
    }
    groat_conv_s8 k = c->kernel;
    /* The row pointers lie in this step's own scratch, so they may be moved along and back. */
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    for (uint32_t g = 0; g < c->groups; g++) {
        groat_kernels.conv_s8(&k, rows, out + g * k.channels_out, pixels);
        k.weights = (const uint8_t *)k.weights + c->weights_step;
        k.channels = (const uint8_t *)k.channels + c->channels_step;
        for (uint32_t r = 0; r < k.rows; r++) {
            moved[r] += c->in_c;
        }
    }
    for (uint32_t r = 0; r < k.rows; r++) {
        moved[r] -= c->groups * c->in_c;
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_params *p = groat_params(call);
    conv_context c;
    groat_needs needs;
    prepare(p, &c, &needs);
    c.kernel.weights = groat_const(call, p->weights);
    c.kernel.channels = groat_const(call, p->channels);
    uint32_t strip = needs.more_rows + 1u;
    c.kernel.scratch = groat_strips_kernel_scratch(&p->window, strip, groat_scratch(call));
    groat_for_strips(&p->window, strip, p->input_zero_point, groat_in(call, 0), groat_out(call, 0), p->out_c,
                     groat_scratch(call), segment, &c);
}

const groat_op groat_op_conv_2d = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_conv_2d_params *p = groat_params(call);
    conv_context c;
    groat_needs needs;
    return prepare(p, &c, &needs) && needs.more_rows == 0 && /* a stream has single rows */
           groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_conv_2d_params *p = groat_params(call);
    groat_window_rows(&p->window, p->input_zero_point, rows);
}

static uint64_t kernel_bytes(const void *params, uint32_t pixels)
{
    (void)pixels;
    conv_context c;
    groat_needs needs;
    prepare(params, &c, &needs);
    return needs.scratch_bytes;
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_conv_2d_params *p = params;
    return groat_window_part_scratch_bytes(&p->window, unit, kernel_bytes(p, unit->pixels));
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_conv_2d_params *p = groat_params(call);
    conv_context c;
    if (p->groups == 1) { /* every row is a call: nothing is asked that is known */
        c.groups = 1;
        groat_conv_2d_kernel(p, &c.kernel);
    } else {
        groat_needs needs;
        prepare(p, &c, &needs);
    }
    c.kernel.weights = groat_const(call, p->weights);
    c.kernel.channels = groat_const(call, p->channels);
    groat_window_part(call, &p->window, p->input_zero_point, part, segment, &c, &c.kernel.scratch, kernel_bytes);
}

const groat_row_op groat_row_op_conv_2d = {check_rows, rows, part_scratch_bytes, part};
