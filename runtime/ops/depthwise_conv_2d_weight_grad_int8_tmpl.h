/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a depthwise convolution of int8: their sums are in scratch as floats, and so are
 * the rows of x that a few rows of dy belong to, as real numbers.  Included for each type of dy, by way of as_*.h.
 */
#include "strips.h"

typedef groat_depthwise_conv_2d_weight_grad_int8_float32_params
    float_params; /* the fields are the same for every type */

/* What lies in scratch, in this order. */
typedef struct pieces {
    groat_depthwise_grad_float kernel;
    uint32_t taps;
    uint32_t rows; /* of dy in a strip */
    uint64_t dw_bytes;
    uint64_t db_bytes;
    uint64_t reals_bytes;
    uint64_t x_bytes;
    uint64_t kernel_bytes;
} pieces;

static pieces pieces_of(const float_params *p)
{
    const groat_window *w = &p->layer.window;
    const groat_update *u = &p->layer.update;
    pieces b = {
        .kernel = {.channels_in = w->in_c, .multiplier = (uint32_t)(p->layer.out_c / w->in_c)},
        .taps = (uint32_t)w->kernel_h * w->kernel_w,
        .rows = rows_of_strip(w),
    };
    if (u->mode == GROAT_UPDATE_SGD) {
        b.dw_bytes = u->has_weights ? aligned((uint64_t)b.taps * p->layer.out_c * sizeof(ELEMENT)) : 0;
        b.db_bytes = u->has_bias ? aligned((uint64_t)p->layer.out_c * sizeof(float)) : 0;
    }
    b.reals_bytes = u->has_weights ? REALS * sizeof(ELEMENT) : 0;
    for (uint32_t row = 0; row < w->out_h; row += b.rows) {
        const strip s = strip_of(w, row, b.rows);
        groat_needs needs;
        if (u->has_weights) {
            b.x_bytes = most(b.x_bytes, aligned((uint64_t)s.window.in_h * w->in_w * w->in_c * sizeof(ELEMENT)));
        }
        b.kernel.window = &s.window;
        NEEDS(depthwise_weight_grad)(&b.kernel, &needs);
        b.kernel_bytes = most(b.kernel_bytes, needs.scratch_bytes);
    }
    return b;
}

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    const groat_update *u = &p->layer.update;
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->in_c > 0 && p->layer.out_c > 0 && p->layer.out_c % w->in_c == 0);
    GROAT_REQUIRE(p->input_scale > 0.0f && groat_is_finite(p->input_scale));
    GROAT_REQUIRE(p->input_zero_point >= INT8_MIN && p->input_zero_point <= INT8_MAX);
    const uint64_t weights = (uint64_t)w->kernel_h * w->kernel_w * p->layer.out_c;
    GROAT_TRY(check_int8_update(call, u, weights, p->layer.out_c));
    GROAT_TRY(check_scales(call, p->scales, p->layer.out_c));
    if (u->has_weights) {
        GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, groat_window_inputs(w, w->in_c)));
    }
    return groat_check_tensor(call, 0, DTYPE, groat_window_outputs(w, p->layer.out_c));
}

static uint32_t scratch_bytes(const void *params)
{
    const pieces b = pieces_of(params);
    return groat_saturated(b.dw_bytes + b.db_bytes + b.reals_bytes + b.x_bytes + aligned(b.kernel_bytes));
}

static void sum_all(const groat_call *call, const pieces *b, const real_rows *from, ELEMENT *dw, float *db)
{
    const float_params *p = groat_params(call);
    const groat_window *w = &p->layer.window;
    groat_depthwise_grad_float k = b->kernel;
    for (uint32_t n = 0; n < w->batches; n++) {
        const ELEMENT *dy = (const ELEMENT *)groat_in(call, 0) + n * w->out_h * w->out_w * p->layer.out_c;
        real_rows rows = *from;
        for (uint32_t row = 0; row < w->out_h; row += b->rows) {
            const strip s = strip_of(w, row, b->rows);
            if (dw != NULL) {
                read_rows(&rows, (const int8_t *)groat_in(call, 1) + n * w->in_h * w->in_w * w->in_c, &s);
            }
            k.window = &s.window;
            KERNEL(depthwise_weight_grad)(&k, dw != NULL ? rows.to : NULL, dy + row * w->out_w * p->layer.out_c, dw,
                                          db);
            k.beta = 1.0f;
        }
    }
}

static void step_all(const float_params *p, uint32_t taps, const ELEMENT *dw, const float *db, int8_t *weights,
                     int32_t *biases, const float *scales, int8_step *step)
{
    const uint32_t count = p->layer.out_c;
    for (uint32_t t = 0; weights != NULL && t < taps; t++) {
        for (uint32_t c = 0; c < count; c++) {
            step_weight(&weights[t * count + c], dw[t * count + c], 1.0f / scales[c], step);
        }
    }
    for (uint32_t c = 0; biases != NULL && c < count; c++) {
        step_bias(&biases[c], db[c], 1.0f / scales[c] / p->input_scale, step);
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
    pieces b = pieces_of(p);
    b.kernel.alpha = step.factors.alpha;
    b.kernel.beta = step.factors.beta;
    uint8_t *scratch = scratch_bytes(p) > 0 ? groat_scratch(call) : NULL;
    ELEMENT *reals = (ELEMENT *)(scratch + b.dw_bytes + b.db_bytes);
    ELEMENT *real = (ELEMENT *)((uint8_t *)reals + b.reals_bytes);
    b.kernel.scratch = (uint8_t *)real + b.x_bytes;
    const uint32_t channels = p->layer.window.in_c;
    const real_rows rows = {reals, real, p->layer.window.in_w, channels, channels, 0, 0};
    if (u->has_weights) {
        make_reals(reals, p->input_scale, p->input_zero_point);
    }
    void *weights = weight_gradient(call, u), *biases = bias_gradient(call, u);
    ELEMENT *dw = weights != NULL && step.takes ? (ELEMENT *)scratch : weights;
    float *db = biases != NULL && step.takes ? (float *)(scratch + b.dw_bytes) : biases;
    sum_all(call, &b, &rows, dw, db);
    if (step.takes) {
        step_all(p, b.taps, dw, db, weights, biases, groat_const(call, p->scales), &step);
    }
    end_int8_step(&step);
}
