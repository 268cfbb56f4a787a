/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a convolution of int8, some output channels at a time: of these, sums of floats
 * are in scratch, and so are the rows of x that a few rows of dy belong to, as real numbers.  Included for each type of
 * dy, by way of as_*.h.
 */
#include "strips.h"

typedef groat_conv_2d_weight_grad_int8_float32_params float_params; /* the fields are the same for every type */

enum {
    BLOCK_BYTES = 4608, /* that the sums of a block of channels may take, if that is 4 or more */
};

/* How the work is cut, and what each piece takes in scratch; they lie there in this order. */
typedef struct blocks {
    groat_conv_grad_float kernel;
    uint32_t filter; /* weights of a channel */
    uint32_t channels; /* of a block */
    uint32_t rows; /* of dy in a strip */
    uint64_t dw_bytes;
    uint64_t db_bytes;
    uint64_t reals_bytes;
    uint64_t x_bytes;
    uint64_t kernel_bytes;
} blocks;

static blocks blocks_of(const float_params *p)
{
    const groat_window *w = &p->layer.window;
    const groat_update *u = &p->layer.update;
    const uint32_t depth = (uint32_t)(w->in_c / p->layer.groups), count = (uint32_t)(p->layer.out_c / p->layer.groups);
    const uint32_t filter = w->kernel_h * w->kernel_w * depth;
    blocks b = {
        .kernel = {.channels_in = depth, .in_stride = depth, .out_stride = p->layer.out_c},
        .filter = filter,
        .channels = channels_of_block(count, filter * (uint64_t)sizeof(ELEMENT), BLOCK_BYTES),
        .rows = rows_of_strip(w),
    };
    if (u->mode == GROAT_UPDATE_SGD) {
        b.dw_bytes = u->has_weights ? aligned((uint64_t)b.channels * filter * sizeof(ELEMENT)) : 0;
        b.db_bytes = u->has_bias ? aligned((uint64_t)b.channels * sizeof(float)) : 0;
    }
    b.reals_bytes = u->has_weights ? REALS * sizeof(ELEMENT) : 0;
    for (uint32_t row = 0; row < w->out_h; row += b.rows) {
        const strip s = strip_of(w, row, b.rows);
        if (u->has_weights) {
            b.x_bytes = most(b.x_bytes, aligned((uint64_t)s.window.in_h * w->in_w * depth * sizeof(ELEMENT)));
        }
        for (uint32_t first = 0; first < count; first += b.channels) {
            groat_needs needs;
            b.kernel.window = &s.window;
            b.kernel.channels_out = at_most(count - first, b.channels);
            NEEDS(conv_weight_grad)(&b.kernel, &needs);
            b.kernel_bytes = most(b.kernel_bytes, needs.scratch_bytes);
        }
    }
    return b;
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    const groat_update *u = &p->layer.update;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(p->layer.groups > 0 && w->in_c % p->layer.groups == 0 && p->layer.out_c % p->layer.groups == 0);
    GROAT_REQUIRE(p->layer.out_c > 0 && p->input_scale > 0.0f && groat_is_finite(p->input_scale));
    GROAT_REQUIRE(p->input_zero_point >= INT8_MIN && p->input_zero_point <= INT8_MAX);
    const uint64_t filter = (uint64_t)w->kernel_h * w->kernel_w * (w->in_c / p->layer.groups);
    GROAT_REQUIRE(filter <= UINT32_MAX / sizeof(float));
    GROAT_TRY(check_int8_update(call, u, filter * p->layer.out_c, p->layer.out_c));
    GROAT_TRY(check_scales(call, p->scales, p->layer.out_c));
    if (u->has_weights) {
        GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, groat_window_inputs(w, w->in_c)));
    }
    return groat_check_tensor(call, 0, DTYPE, groat_window_outputs(w, p->layer.out_c));
}

static uint32_t scratch_bytes(const void *params)
{
    const blocks b = blocks_of(params);
    return groat_saturated(b.dw_bytes + b.db_bytes + b.reals_bytes + b.x_bytes + aligned(b.kernel_bytes));
}

/* The gradients of a block of channels, from `channel` on, of all images. */
static void sum_block(const groat_call *call, const blocks *b, uint32_t channel, const real_rows *from, ELEMENT *dw,
                      float *db)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    const uint32_t group = channel / (p->layer.out_c / p->layer.groups);
    groat_conv_grad_float k = b->kernel;
    for (uint32_t n = 0; n < w->batches; n++) {
        const ELEMENT *dy = (const ELEMENT *)groat_in(call, 0) + n * w->out_h * w->out_w * p->layer.out_c + channel;
        real_rows rows = *from;
        for (uint32_t row = 0; row < w->out_h; row += b->rows) {
            const strip s = strip_of(w, row, b->rows);
            if (dw != NULL) {
                const int8_t *x = groat_in(call, 1);
                read_rows(&rows, x + n * w->in_h * w->in_w * w->in_c + group * from->depth, &s);
            }
            k.window = &s.window;
            KERNEL(conv_weight_grad)(&k, dw != NULL ? rows.to : NULL, dy + row * w->out_w * p->layer.out_c, dw, db);
            k.beta = 1.0f;
        }
    }
}

static void step_block(const float_params *p, const blocks *b, uint32_t channel, const ELEMENT *dw, const float *db,
                       int8_t *weights, int32_t *biases, const float *scales, int8_step *step)
{
    for (uint32_t c = 0; c < b->kernel.channels_out; c++) {
        const float per_scale = 1.0f / scales[channel + c];
        if (weights != NULL) {
            int8_t *w = weights + (channel + c) * b->filter;
            for (uint32_t i = 0; i < b->filter; i++) {
                step_weight(&w[i], dw[c * b->filter + i], per_scale, step);
            }
        }
        if (biases != NULL) {
            step_bias(&biases[channel + c], db[c], per_scale / p->input_scale, step);
        }
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_update *u = &p->layer.update;
    int8_step step = {.takes = 0};
    if (!begin_int8_step(call, u, &step)) {
        return;
    }
    blocks b = blocks_of(p);
    b.kernel.alpha = step.factors.alpha;
    b.kernel.beta = step.factors.beta;
    uint8_t *scratch = scratch_bytes(p) > 0 ? groat_scratch(call) : NULL;
    ELEMENT *reals = (ELEMENT *)(scratch + b.dw_bytes + b.db_bytes);
    ELEMENT *real = (ELEMENT *)((uint8_t *)reals + b.reals_bytes);
    b.kernel.scratch = (uint8_t *)real + b.x_bytes;
    const real_rows rows = {reals, real, p->layer.window.in_w, b.kernel.channels_in, p->layer.window.in_c, 0, 0};
    if (u->has_weights) {
        make_reals(reals, p->input_scale, p->input_zero_point);
    }
    void *weights = weight_gradient(call, u), *biases = bias_gradient(call, u);
    const uint32_t count = (uint32_t)(p->layer.out_c / p->layer.groups);
    for (uint32_t group = 0; group < p->layer.groups; group++) {
        for (uint32_t first = 0; first < count; first += b.channels) {
            const uint32_t channel = group * count + first;
            b.kernel.channels_out = at_most(count - first, b.channels);
            ELEMENT *dw = NULL;
            float *db = NULL;
            if (weights != NULL) {
                dw = step.takes ? (ELEMENT *)scratch : (ELEMENT *)weights + channel * b.filter;
            }
            if (biases != NULL) {
                db = step.takes ? (float *)(scratch + b.dw_bytes) : (float *)biases + channel;
            }
            sum_block(call, &b, channel, &rows, dw, db);
            if (step.takes) {
                step_block(p, &b, channel, dw, db, weights, biases, groat_const(call, p->scales), &step);
            }
        }
    }
    end_int8_step(&step);
}
