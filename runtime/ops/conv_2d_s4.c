/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with weights of four bits: CONV_2D block by block of output channels, each over the whole image.
 */
#include "blocks.h"
#include "conv_2d.h"
#include "window.h"

static int prepare(const groat_conv_2d_s4_params *p, groat_blocks *b)
{
    groat_conv_2d_kernel(&p->s8, &b->kernel);
    b->groups = p->s8.groups;
    b->block = p->block;
    return groat_prepare_blocks(b);
}

static int check(const groat_call *call)
{
    const groat_conv_2d_s4_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->s8;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_window(call, &p->window, p->out_c, GROAT_INT8));
    GROAT_REQUIRE(p->groups > 0 && p->window.in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max);
    groat_blocks b;
    GROAT_REQUIRE(prepare(params, &b));
    return groat_check_blocks(call, &b, p->weights, p->channels);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_s4_params *p = params;
    groat_blocks b;
    prepare(p, &b);
    return groat_window_scratch_bytes(&p->s8.window, b.scratch_bytes);
}

/* A block of channels, and how far into a pixel its group's inputs begin. */
typedef struct block_context {
    groat_conv_s8 kernel;
    uint32_t in_offset;
} block_context;

/* Moves the row pointers to another group's channels and back; they lie in the step's own scratch. */
static void move_rows(const int8_t *const *rows, uint32_t count, int32_t bytes)
{
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    for (uint32_t r = 0; r < count; r++) {
        moved[r] += bytes;
    }
}

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const block_context *c = context;
    const groat_conv_s8 *k = &c->kernel;
    if (c->in_offset == 0) {
        groat_kernels.conv_s8(k, rows, out, pixels);
        return;
    }
    move_rows(rows, k->rows, (int32_t)c->in_offset);
    groat_kernels.conv_s8(k, rows, out, pixels);
    move_rows(rows, k->rows, -(int32_t)c->in_offset);
}

static void run(const groat_call *call)
{
    const groat_conv_2d_s4_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->s8;
    groat_blocks b;
    prepare(params, &b);
    for (groat_block at = {0, 0, p->weights, p->channels}; groat_more_blocks(&b, &at); groat_next_block(&b, &at)) {
        block_context c = {
            .kernel = groat_kernel_of_block(call, &b, &at),
            .in_offset = at.group * (p->window.in_c / p->groups),
        };
        c.kernel.scratch = groat_window_kernel_scratch(&p->window, groat_scratch(call));
        GROAT_NIBBLES_OF(conv_s4_unpack)(&c.kernel);
        int8_t *out = (int8_t *)groat_out(call, 0) + at.group * b.kernel.channels_out + at.first;
        groat_for_segments(&p->window, p->input_zero_point, groat_in(call, 0), out, p->out_c, groat_scratch(call),
                           segment, &c);
    }
}

const groat_op groat_op_conv_2d_s4 = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_conv_2d_s4_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->s8.window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_conv_2d_s4_params *p = groat_params(call);
    groat_window_rows(&p->s8.window, p->s8.input_zero_point, rows);
}

static uint64_t kernel_bytes(const void *params, uint32_t pixels)
{
    (void)pixels;
    groat_blocks b;
    prepare(params, &b);
    return b.scratch_bytes;
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_conv_2d_s4_params *p = params;
    return groat_window_part_scratch_bytes(&p->s8.window, unit, kernel_bytes(p, unit->pixels));
}

/* A block while it meets a part: unpacked in scratch when its first pixels come. */
typedef struct part_context {
    block_context *block;
    int *packed;
} part_context;

static void unpack_and_compute(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const part_context *c = context;
    if (*c->packed) {
        GROAT_NIBBLES_OF(conv_s4_unpack)(&c->block->kernel);
        *c->packed = 0;
    }
    segment(c->block, rows, out, pixels);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_conv_2d_s4_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->s8;
    groat_blocks b;
    prepare(params, &b);
    for (groat_block at = {0, 0, p->weights, p->channels}; groat_more_blocks(&b, &at); groat_next_block(&b, &at)) {
        block_context block = {
            .kernel = groat_kernel_of_block(call, &b, &at),
            .in_offset = at.group * (p->window.in_c / p->groups),
        };
        int packed = 1;
        const part_context c = {&block, &packed};
        groat_part of_block = *part;
        of_block.out = (int8_t *)part->out + at.group * b.kernel.channels_out + at.first;
        groat_window_part(call, &p->window, p->input_zero_point, &of_block, unpack_and_compute, &c,
                          &block.kernel.scratch, kernel_bytes);
    }
}

const groat_row_op groat_row_op_conv_2d_s4 = {check_rows, rows, part_scratch_bytes, part};
