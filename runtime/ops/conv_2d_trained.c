/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution whose int8 weights are a tensor, in the order of the model, and its int32 biases perhaps another.
 *
 * What kernels are given of a channel depends on its weights (the zero point of the input is folded into the bias), and is
 * made anew in each run.
 */
#include "../kernels/select.h"
#include "conv_2d.h"
#include "trained.h"
#include "window.h"

enum {
    BLOCK_BYTES = 8192 /* of scratch that a kernel may ask for, if that is enough for two channels */
};

static uint32_t filter_of(const groat_conv_2d_params *p)
{
    return (uint32_t)p->window.kernel_h * p->window.kernel_w * (p->window.in_c / p->groups);
}

/* The kernel's arguments for a block of channels of a group, as many as its scratch allows; *bytes: what that is. */
static groat_conv_s8 block_of(const groat_conv_2d_params *p, uint64_t *bytes)
{
    groat_conv_s8 k;
    groat_needs needs;
    groat_conv_2d_kernel(p, &k);
    for (;; k.channels_out = (k.channels_out / 2u + 1u) & ~1u) {
        groat_kernels.conv_plain_s8_needs(&k, &needs);
        if (needs.scratch_bytes <= BLOCK_BYTES || k.channels_out <= 2) {
            *bytes = needs.scratch_bytes;
            return k;
        }
    }
}

/* The channels of a block lie in front of the kernel's own scratch. */
static uint32_t channels_bytes(const groat_conv_s8 *k)
{
    return (k->channels_out * (uint32_t)sizeof(groat_channel) + GROAT_ALIGN - 1u) & ~(uint32_t)(GROAT_ALIGN - 1);
}

static int check(const groat_call *call)
{
    const groat_conv_2d_trained_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->conv;
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->groups > 0 && w->in_c % p->groups == 0 && p->out_c % p->groups == 0);
    GROAT_REQUIRE(p->act_min <= p->act_max && p->layout == 0);
    GROAT_TRY(groat_check_trained(call, (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->groups) * p->out_c,
                                  p->out_c, p->channels));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, (uint64_t)w->batches * w->in_h * w->in_w * w->in_c));
    return groat_check_tensor(call, call->step->inputs, GROAT_INT8,
                              (uint64_t)w->batches * w->out_h * w->out_w * p->out_c);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_trained_params *p = params;
    uint64_t bytes;
    const groat_conv_s8 k = block_of(&p->conv, &bytes);
    return groat_window_scratch_bytes(&p->conv.window, channels_bytes(&k) + bytes);
}

/* A block, and how far into a pixel its group's inputs begin. */
typedef struct block_context {
    groat_conv_s8 kernel;
    uint32_t in_offset;
} block_context;

static void segment(const void *context, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const block_context *c = context;
    /* The row pointers lie in this step's own scratch, so they may be moved along and back. */
    const int8_t **moved = (const int8_t **)(uintptr_t)rows;
    for (uint32_t r = 0; r < c->kernel.rows; r++) {
        moved[r] += c->in_offset;
    }
    groat_kernels.conv_plain_s8(&c->kernel, rows, out, pixels);
    for (uint32_t r = 0; r < c->kernel.rows; r++) {
        moved[r] -= c->in_offset;
    }
}

/* Some channels from `first` on over all of the image. */
static void run_block(const groat_call *call, const groat_conv_s8 *k, uint32_t first, uint32_t in_offset)
{
    const groat_conv_2d_trained_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->conv;
    const uint32_t filter = filter_of(p);
    const int8_t *weights = (const int8_t *)groat_in(call, 1) + first * filter;
    groat_channel *channels = groat_window_kernel_scratch(&p->window, groat_scratch(call));
    groat_trained_channels(call, p->channels, first, channels, k->channels_out);
    for (uint32_t o = 0; o < k->channels_out; o++) {
        const uint32_t sum = (uint32_t)groat_sum_of_weights(weights + o * filter, filter);
        channels[o].bias = (int32_t)((uint32_t)channels[o].bias - (uint32_t)p->input_zero_point * sum);
    }
    block_context c = {.kernel = *k, .in_offset = in_offset};
    c.kernel.weights = weights;
    c.kernel.channels = channels;
    c.kernel.scratch = (uint8_t *)channels + channels_bytes(k);
    groat_kernels.conv_plain_s8_begin(&c.kernel);
    groat_for_segments(&p->window, p->input_zero_point, groat_in(call, 0), (int8_t *)groat_out(call, 0) + first,
                       p->out_c, groat_scratch(call), segment, &c);
}

static void run(const groat_call *call)
{
    const groat_conv_2d_trained_params *params = groat_params(call);
    const groat_conv_2d_params *p = &params->conv;
    const uint32_t count = (uint32_t)(p->out_c / p->groups);
    uint64_t bytes;
    const groat_conv_s8 block = block_of(p, &bytes);
    for (uint32_t group = 0; group < p->groups; group++) {
        for (uint32_t first = 0; first < count; first += block.channels_out) {
            groat_conv_s8 k = block;
            k.channels_out = count - first < block.channels_out ? count - first : block.channels_out;
            run_block(call, &k, group * count + first, group * (p->window.in_c / p->groups));
        }
    }
}

const groat_op groat_op_conv_2d_trained = {check, scratch_bytes, run};
