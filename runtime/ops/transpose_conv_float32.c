/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, float32: the gradient of a convolution's input, then a bias and a clamp.
 */
#include "../kernels/select.h"
#include "float.h"

/* The kernel's arguments but for its scratch, and what it needs. */
static groat_conv_grad_float prepare(const groat_transpose_conv_float32_params *p, groat_needs *needs)
{
    const groat_conv_grad_float k = {
        .window = &p->window,
        .channels_in = p->window.in_c,
        .channels_out = p->x_c,
        .in_stride = p->window.in_c,
        .out_stride = p->x_c,
    };
    groat_kernels.conv_input_grad_f32_needs(&k, needs);
    return k;
}

static int check(const groat_call *call)
{
    const groat_transpose_conv_float32_params *p = groat_params(call);
    const groat_window *w = &p->window;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_axes(w));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, groat_window_outputs(w, p->x_c)));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, groat_window_inputs(w, w->in_c)));
    const uint32_t filters[4] = {p->x_c, w->kernel_h, w->kernel_w, w->in_c};
    const uint64_t count = groat_product(filters, 4);
    GROAT_REQUIRE(count > 0 && p->act_min <= p->act_max);
    GROAT_TRY(groat_check_const(call, p->weights, count * sizeof(float)));
    return groat_check_const(call, p->bias, w->in_c * sizeof(float));
}

static uint32_t scratch_bytes(const void *params)
{
    groat_needs needs;
    prepare(params, &needs);
    return groat_saturated(needs.scratch_bytes);
}

static void run(const groat_call *call)
{
    const groat_transpose_conv_float32_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const float *weights = groat_const(call, p->weights), *bias = groat_const(call, p->bias);
    const float *x = groat_in(call, 0);
    float *y = groat_out(call, 0);
    groat_needs needs;
    groat_conv_grad_float k = prepare(p, &needs);
    k.scratch = needs.scratch_bytes > 0 ? groat_scratch(call) : NULL;
    for (uint32_t n = 0; n < w->batches; n++, x += (uint32_t)w->out_h * w->out_w * p->x_c) {
        groat_kernels.conv_input_grad_f32(&k, weights, x, y);
        for (uint32_t pixel = 0; pixel < (uint32_t)w->in_h * w->in_w; pixel++, y += w->in_c) {
            for (uint32_t c = 0; c < w->in_c; c++) {
                y[c] = groat_clamp_float(y[c] + bias[c], p->act_min, p->act_max);
            }
        }
    }
}

const groat_op groat_op_transpose_conv_float32 = {check, scratch_bytes, run};
