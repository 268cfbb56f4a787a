/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops of floats share.  Those that have a *_float_tmpl.h are written there once for every type.
 */
#ifndef GROAT_OPS_FLOAT_H
#define GROAT_OPS_FLOAT_H

#include "../kernels/float.h"
#include "window.h"

/* As what scratch_bytes returns. */
static inline uint32_t groat_saturated(uint64_t bytes)
{
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

/* The elements of an image that a window goes over, and of the one that it makes; all batches. */
static inline uint64_t groat_window_inputs(const groat_window *w, uint32_t channels)
{
    return (uint64_t)w->batches * w->in_h * w->in_w * channels;
}

static inline uint64_t groat_window_outputs(const groat_window *w, uint32_t channels)
{
    return (uint64_t)w->batches * w->out_h * w->out_w * channels;
}

/* A dense layer as a convolution of a row of pixels, one to each batch. */
static inline groat_window groat_row_of_batches(uint32_t batches)
{
    const uint16_t pixels = (uint16_t)batches;
    return (groat_window){
        .batches = 1,
        .in_h = 1,
        .in_w = pixels,
        .out_h = 1,
        .out_w = pixels,
        .kernel_h = 1,
        .kernel_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
    };
}

/* As groat_check_window, where there may be more inputs than one; the walk counts bytes in the window's fields, which must
 * hold those of a pixel. */
static inline int groat_check_window_float(const groat_call *call, const groat_window *w, uint32_t out_c, uint8_t dtype)
{
    GROAT_REQUIRE(w->in_c <= UINT16_MAX / groat_dtype_bytes(dtype));
    GROAT_TRY(groat_check_axes(w));
    GROAT_TRY(groat_check_tensor(call, 0, dtype, groat_window_inputs(w, w->in_c)));
    return groat_check_tensor(call, call->step->inputs, dtype, groat_window_outputs(w, out_c));
}

/* An op whose weights and biases may be tensors: (x[, weights[, biases]]) -> y. */
static inline int groat_check_trainable(const groat_call *call, uint8_t layout)
{
    GROAT_REQUIRE(call->step->inputs >= 1 && call->step->inputs <= 3 && call->step->outputs == 1);
    GROAT_REQUIRE(call->step->inputs == 1 || layout == 0);
    return GROAT_OK;
}

/* Its weights: a tensor in the plain order, or else constants in that of a layout, of so many bytes. */
static inline int groat_check_weights(const groat_call *call, uint8_t dtype, uint64_t elements, uint32_t offset,
                                      uint64_t bytes)
{
    return call->step->inputs > 1 ? groat_check_tensor(call, 1, dtype, elements)
                                  : groat_check_const(call, offset, bytes);
}

static inline const void *groat_weights(const groat_call *call, uint32_t offset)
{
    return call->step->inputs > 1 ? groat_in(call, 1) : groat_const(call, offset);
}

/* The same of its biases. */
static inline int groat_check_biases(const groat_call *call, uint64_t elements, uint32_t offset, uint64_t bytes)
{
    return call->step->inputs > 2 ? groat_check_tensor(call, 2, GROAT_FLOAT32, elements)
                                  : groat_check_const(call, offset, bytes);
}

static inline const void *groat_biases(const groat_call *call, uint32_t offset)
{
    return call->step->inputs > 2 ? groat_in(call, 2) : groat_const(call, offset);
}

/* The window over an image of floats as the walk sees it. */
static inline groat_window groat_window_of_float(const groat_window *w, uint32_t element_bytes)
{
    groat_window bytes = *w;
    bytes.in_c = (uint16_t)(element_bytes * w->in_c);
    return bytes;
}

#endif
