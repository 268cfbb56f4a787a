/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of int16 activations, grouped or not: the walk of CONV_2D over an image of twice the bytes.
 */
#include "../kernels/select.h"
#include "window.h"

typedef struct conv_context {
    groat_conv_s16 kernel;  /* of one group */
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
static int prepare(const groat_conv_2d_int16_params *p, conv_context *c, groat_needs *needs)
{
    const groat_window *w = &p->window;
    c->groups = p->groups;
    c->in_c = (uint32_t)(w->in_c / p->groups);
    int joined = p->groups == 1 && w->dilation_w == 1;
    groat_conv_s16 *k = &c->kernel;
    k->layout = p->layout;
    k->acc_bits = p->acc_bits;
    k->channels_out = (uint32_t)(p->out_c / p->groups);
    k->rows = w->kernel_h;
    k->taps = joined ? 1 : w->kernel_w;
    k->run = joined ? w->kernel_w * c->in_c : c->in_c;
    k->tap_stride = (uint32_t)w->dilation_w * w->in_c;
    k->pixel_stride = (uint32_t)w->stride_w * w->in_c;
    k->out_stride = p->out_c;
    k->acc_offset = 0;
    k->act_min = p->act_min;
    k->act_max = p->act_max;
    int known = groat_kernels.conv_s16_needs(k, needs);
    c->weights_step = align_up(needs->weights_bytes);
    c->channels_step = align_up(needs->channels_bytes);
    return known;
}

static int check(const groat_call *call)
{
    const groat_conv_2d_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window_s16(call, &p->window, p->out_c));
    GROAT_REQUIRE(p->groups > 0 && p->window.in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max && (p->acc_bits == 32 || p->acc_bits == 64));
    conv_context c;
    groat_needs needs;
    GROAT_REQUIRE(prepare(p, &c, &needs));
    uint64_t before_last = c.groups - 1u;
    /* So that the products below fit 64 bits. */
    GROAT_REQUIRE(needs.weights_bytes <= UINT32_MAX && needs.channels_bytes <= UINT32_MAX);
    GROAT_TRY(groat_check_const(call, p->weights, before_last * c.weights_step + needs.weights_bytes));
    GROAT_TRY(groat_check_const(call, p->channels, before_last * c.channels_step + needs.channels_bytes));
    for (uint32_t g = 0; g < c.groups; g++) {
        c.kernel.weights = groat_const(call, p->weights + g * c.weights_step);
        c.kernel.channels = groat_const(call, p->channels + g * c.channels_step);
        GROAT_REQUIRE(groat_kernels.conv_s16_check(&c.kernel));
    }
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_int16_params *p = params;
    const groat_window bytes = groat_window_of_s16(&p->window);
    conv_context c;
    groat_needs needs;
    prepare(p, &c, &needs);
    return groat_window_scratch_bytes(&bytes, needs.scratch_bytes);
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const conv_context *c = context;
    int16_t *to = (int16_t *)(void *)out;
    if (c->groups == 1) {
        groat_kernels.conv_s16(&c->kernel, rows, to, pixels);
        return;
    }
    groat_conv_s16 k = c->kernel;
    /* The row pointers lie in this step's own scratch, so they may be moved along and back. */
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    for (uint32_t g = 0; g < c->groups; g++, to += k.channels_out) {
        groat_kernels.conv_s16(&k, rows, to, pixels);
        k.weights = (const uint8_t *)k.weights + c->weights_step;
        k.channels = (const uint8_t *)k.channels + c->channels_step;
        for (uint32_t r = 0; r < k.rows; r++) {
            moved[r] += 2 * c->in_c;
        }
    }
    for (uint32_t r = 0; r < k.rows; r++) {
        moved[r] -= 2 * c->groups * c->in_c;
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_int16_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_s16(&p->window);
    conv_context c;
    groat_needs needs;
    prepare(p, &c, &needs);
    c.kernel.weights = groat_const(call, p->weights);
    c.kernel.channels = groat_const(call, p->channels);
    c.kernel.scratch = groat_window_kernel_scratch(&bytes, groat_scratch(call));
    groat_for_segments(&bytes, 0, groat_in(call, 0), groat_out(call, 0), 2u * p->out_c, groat_scratch(call), segment,
                       &c);
}

const groat_op groat_op_conv_2d_int16 = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_conv_2d_int16_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_conv_2d_int16_params *p = groat_params(call);
    groat_window_rows(&p->window, 0, rows);
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
    const groat_conv_2d_int16_params *p = params;
    const groat_window bytes = groat_window_of_s16(&p->window);
    return groat_window_part_scratch_bytes(&bytes, unit, kernel_bytes(p, unit->pixels));
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_conv_2d_int16_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_s16(&p->window);
    conv_context c;
    groat_needs needs;
    prepare(p, &c, &needs);
    c.kernel.weights = groat_const(call, p->weights);
    c.kernel.channels = groat_const(call, p->channels);
    groat_window_part(call, &bytes, 0, part, segment, &c, &c.kernel.scratch, kernel_bytes);
}

const groat_row_op groat_row_op_conv_2d_int16 = {check_rows, rows, part_scratch_bytes, part};
