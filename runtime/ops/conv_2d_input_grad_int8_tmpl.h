/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a convolution of int8, some input channels at a time, whose weights are in scratch as real
 * numbers.  Included for each type of dy, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "int8_grad.h"

typedef groat_conv_2d_input_grad_int8_float32_params float_params; /* the fields are the same for every type */

enum {
    BLOCK_BYTES = 8192, /* that the weights of a block of channels may take, if that is 4 or more */
};

typedef struct blocks {
    groat_conv_grad_float kernel; /* of a block */
    uint32_t depth; /* of a group */
    uint64_t weights_bytes;
    uint64_t kernel_bytes;
} blocks;

static blocks blocks_of(const float_params *p)
{
    const groat_window *w = &p->layer.window;
    const uint32_t depth = (uint32_t)(w->in_c / p->layer.groups), count = (uint32_t)(p->layer.out_c / p->layer.groups);
    const uint64_t of_channel = (uint64_t)w->kernel_h * w->kernel_w * count * sizeof(ELEMENT);
    blocks b = {
        .kernel = {.window = w, .channels_out = count, .in_stride = w->in_c, .out_stride = p->layer.out_c},
        .depth = depth,
    };
    const uint32_t block = channels_of_block(depth, of_channel, BLOCK_BYTES);
    b.weights_bytes = aligned(of_channel * block);
    for (uint32_t first = 0; first < depth; first += block) {
        groat_needs needs;
        b.kernel.channels_in = at_most(depth - first, block);
        NEEDS(conv_input_grad)(&b.kernel, &needs);
        b.kernel_bytes = needs.scratch_bytes > b.kernel_bytes ? needs.scratch_bytes : b.kernel_bytes;
    }
    b.kernel.channels_in = block;
    return b;
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->layer.groups > 0 && w->in_c % p->layer.groups == 0 && p->layer.out_c % p->layer.groups == 0);
    GROAT_REQUIRE(w->in_c > 0 && p->layer.out_c > 0);
    const uint64_t filter = (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->layer.groups);
    GROAT_REQUIRE(filter <= UINT32_MAX / sizeof(float));
    GROAT_TRY(check_scales(call, p->scales, p->layer.out_c));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT8, filter * p->layer.out_c));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, groat_window_outputs(w, p->layer.out_c)));
    return groat_check_tensor(call, 2, DTYPE, groat_window_inputs(w, w->in_c));
}

static uint32_t scratch_bytes(const void *params)
{
    const blocks b = blocks_of(params);
    return groat_saturated(b.weights_bytes + b.kernel_bytes);
}

/* Some channels of all filters of a group. */
static void make_real(const int8_t *q, const blocks *b, uint32_t channels, uint32_t taps, const float *scales,
                      ELEMENT *real)
{
    for (uint32_t o = 0; o < b->kernel.channels_out; o++) {
        for (uint32_t t = 0; t < taps; t++, q += b->depth) {
            for (uint32_t i = 0; i < channels; i++) {
                *real++ = NARROW(scales[o] * (float)q[i]);
            }
        }
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    const blocks b = blocks_of(p);
    const uint32_t taps = w->kernel_h * w->kernel_w, count = b.kernel.channels_out;
    const float *scales = groat_const(call, p->scales);
    groat_conv_grad_float k = b.kernel;
    ELEMENT *real = groat_scratch(call);
    k.scratch = (uint8_t *)groat_scratch(call) + b.weights_bytes;
    for (uint32_t group = 0; group < p->layer.groups; group++) {
        const int8_t *weights = (const int8_t *)groat_in(call, 0) + group * count * taps * b.depth;
        for (uint32_t first = 0; first < b.depth; first += b.kernel.channels_in) {
            k.channels_in = at_most(b.depth - first, b.kernel.channels_in);
            make_real(weights + first, &b, k.channels_in, taps, scales + group * count, real);
            const ELEMENT *dy = (const ELEMENT *)groat_in(call, 1) + group * count;
            ELEMENT *dx = (ELEMENT *)groat_out(call, 0) + group * b.depth + first;
            for (uint32_t n = 0; n < w->batches; n++) {
                KERNEL(conv_input_grad)(&k, real, dy, dx);
                dy += w->out_h * w->out_w * p->layer.out_c;
                dx += w->in_h * w->in_w * w->in_c;
            }
        }
    }
}
