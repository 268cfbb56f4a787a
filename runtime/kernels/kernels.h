/* SPDX-License-Identifier: Apache-2.0
 *
 * What every kernel is given: pointers, lengths and constants, never a tensor or a model.
 */
#ifndef GROAT_KERNELS_H
#define GROAT_KERNELS_H

#include "../include/groat/format.h"

/* What the constants and the scratch of a kernel take. */
typedef struct groat_needs {
    uint64_t weights_bytes;
    uint64_t channels_bytes;
    uint64_t scratch_bytes;
    uint32_t more_rows;             /* output rows that a call computes beside the first, each of more pixels than
                                     * that; zero, or left alone, by kernels that compute one */
} groat_needs;

/* A filter over `rows` row pointers.  In each row it reads `taps` runs of `run` bytes, `tap_stride` apart,
 * and moves on by `pixel_stride` from one output pixel to the next. */
typedef struct groat_conv_s8 {
    const void *weights;            /* in the order that `layout` names, as are the channels' constants */
    const void *channels;
    uint32_t layout;                /* one of those that the kernel set's packer may choose; 0 always works */
    uint32_t channels_out;
    uint32_t rows;
    uint32_t taps;
    uint32_t run;
    uint32_t tap;                   /* bytes of one pixel's channels; taps that touch make longer runs */
    uint32_t tap_stride;
    uint32_t pixel_stride;
    uint32_t out_stride;            /* from one output pixel to the next */
    uint32_t out_row_stride;        /* from one output row to the next, in a strip of several */
    int32_t acc_offset;             /* added to every accumulator beside its bias */
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
    void *scratch;                  /* as many bytes as the kernel needs, aligned to 16 */
} groat_conv_s8;

/* As above, for one pixel of `channels_in` bytes to a tap; output channel o reads input channel o / multiplier. */
typedef struct groat_depthwise_s8 {
    const void *weights;
    const void *channels;
    uint32_t layout;
    uint32_t channels_in;
    uint32_t multiplier;
    uint32_t rows;
    uint32_t taps;
    uint32_t tap_stride;
    uint32_t pixel_stride;
    uint32_t pixels;                /* the most that a call computes */
    uint32_t sparing;               /* 1: scratch is scarce, and worth some instructions; else 0 */
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
    void *scratch;
} groat_depthwise_s8;

/* All of an image.  Its padding is what `padding` says, once for each input channel. */
typedef struct groat_depthwise_image_s8 {
    const void *weights;
    const void *channels;
    const groat_window *window;
    uint32_t layout;
    uint32_t multiplier;
    int32_t padding;
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
    void *scratch;
} groat_depthwise_image_s8;

typedef struct groat_pool_s8 {
    uint32_t channels;
    uint32_t rows;
    uint32_t taps;
    uint32_t pixel_stride;          /* taps are neighbours: `channels` apart */
    int32_t act_min;
    int32_t act_max;
} groat_pool_s8;

typedef struct groat_add_s8 {
    int32_t a_multiplier;
    int32_t b_multiplier;
    int32_t output_multiplier;
    int32_t a_shift;                /* not positive, like the other two */
    int32_t b_shift;
    int32_t output_shift;
    int32_t left_shift;
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
} groat_add_s8;

typedef struct groat_mul_s8 {
    int32_t multiplier;
    int32_t shift;
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
} groat_mul_s8;

typedef struct groat_quantize_s8 {
    uint32_t scale;                 /* the bits of a float32, positive and finite */
    int32_t zero_point;
} groat_quantize_s8;

/* ---- With int16 activations: strides and runs count elements ------------------------------------- */

typedef struct groat_conv_s16 {
    const void *weights;
    const void *channels;
    uint32_t layout;
    uint32_t acc_bits;              /* of accumulators: 64, or 32, which wrap; each has a rounding of its own */
    uint32_t channels_out;
    uint32_t rows;
    uint32_t taps;
    uint32_t run;
    uint32_t tap_stride;
    uint32_t pixel_stride;
    uint32_t out_stride;
    int64_t acc_offset;
    int32_t act_min;
    int32_t act_max;
    void *scratch;
} groat_conv_s16;

/* Accumulators have 64 bits. */
typedef struct groat_depthwise_s16 {
    const void *weights;
    const void *channels;
    uint32_t layout;
    uint32_t channels_in;
    uint32_t multiplier;
    uint32_t rows;
    uint32_t taps;
    uint32_t tap_stride;
    uint32_t pixel_stride;
    int32_t act_min;
    int32_t act_max;
    void *scratch;
} groat_depthwise_s16;

typedef struct groat_pool_s16 {
    uint32_t channels;
    uint32_t rows;
    uint32_t taps;                  /* rows * taps is less than 2^16 */
    uint32_t pixel_stride;
    int32_t act_min;
    int32_t act_max;
} groat_pool_s16;

typedef struct groat_add_s16 {
    int32_t a_multiplier;
    int32_t b_multiplier;
    int32_t output_multiplier;
    int32_t a_shift;                /* not positive, like the other two */
    int32_t b_shift;
    int32_t output_shift;
    int32_t left_shift;             /* at most 15 */
    int32_t act_min;
    int32_t act_max;
} groat_add_s16;

/* Entries of both tables are 513, the last only to interpolate towards. */
typedef struct groat_softmax_s16 {
    const int16_t *exp_table;       /* each at least 2 */
    const int16_t *reciprocal_table;
    int32_t multiplier;
    int32_t shift;
} groat_softmax_s16;

/* ---- With floats: strides and runs count elements -------------------------------------------------- */

typedef struct groat_conv_float {
    const void *weights;
    const void *channels;           /* a bias for each, float32 */
    uint32_t layout;
    uint32_t channels_out;
    uint32_t rows;
    uint32_t taps;
    uint32_t run;
    uint32_t tap_stride;
    uint32_t pixel_stride;
    uint32_t out_stride;
    uint32_t pixels_most;           /* of a call; 0: not known */
    float act_min;
    float act_max;
    void *scratch;
} groat_conv_float;

typedef struct groat_depthwise_float {
    const void *weights;
    const void *channels;           /* a bias for each, float32 */
    uint32_t layout;
    uint32_t channels_in;
    uint32_t multiplier;
    uint32_t rows;
    uint32_t taps;
    uint32_t tap_stride;
    uint32_t pixel_stride;
    float act_min;
    float act_max;
    void *scratch;
} groat_depthwise_float;

typedef struct groat_pool_float {
    uint32_t channels;
    uint32_t rows;
    uint32_t taps;
    uint32_t pixel_stride;
    float act_min;
    float act_max;
} groat_pool_float;

typedef struct groat_elementwise_float {
    float act_min;
    float act_max;
} groat_elementwise_float;

typedef struct groat_softmax_float {
    float beta;
} groat_softmax_float;

/* ---- Gradients with floats -------------------------------------------------------------------------- */

/* Of a convolution, over a whole image.  dw and db become beta times what is there plus alpha times the gradient. */
typedef struct groat_conv_grad_float {
    const groat_window *window;     /* of the convolution; batches and in_c are not looked at */
    uint32_t channels_in;           /* of one group */
    uint32_t channels_out;          /* of one group */
    uint32_t in_stride;             /* from one pixel of x or dx to the next; a row is in_w pixels */
    uint32_t out_stride;            /* from one pixel of dy to the next */
    float alpha;                    /* both of weights and biases only */
    float beta;                     /* 0: it does not matter what is there, even if it is no number */
    void *scratch;                  /* as many bytes as the kernel needs, aligned to 16 */
} groat_conv_grad_float;

/* As above; channel o of dy comes from channel o / multiplier of x. */
typedef struct groat_depthwise_grad_float {
    const groat_window *window;
    uint32_t channels_in;
    uint32_t multiplier;
    float alpha;
    float beta;
    void *scratch;
} groat_depthwise_grad_float;

typedef struct groat_sgd_float {
    float rate;
    float decay;
    float momentum;
} groat_sgd_float;

#define GROAT_KERNEL(type, name, arguments) type groat_##name##_ref arguments;
#include "kernels.def"
#undef GROAT_KERNEL

#endif
