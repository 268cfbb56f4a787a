/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of floats: up to 32 output channels in the lanes, of three pixels at a time, whose sums
 * are 24 of the 32 registers; the rest holds the weights of one term, and the inputs are scalars.
 */

int NEEDS(conv)(const groat_conv_float *k, groat_needs *needs)
{
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out * sizeof(ELEMENT);
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout <= RVV_FLOAT_LANES;
}

static inline const ELEMENT *tap_of(const groat_conv_float *k, const int8_t *const *rows, uint32_t r, uint32_t t,
                                    uint32_t pixel)
{
    return (const ELEMENT *)(const void *)rows[r] + pixel * k->pixel_stride + t * k->tap_stride;
}

/* Weights in the order of the model: a channel's terms lie side by side. */
#define PIXELS(name) name##_plain
#define LOAD_TERM(w, lane, vl) LOAD_STRIDED(w, (ptrdiff_t)(lane * sizeof(ELEMENT)), vl)
#define ASM_LOAD_TERM ASM_LOAD_STRIDED " %[weights], (%[w]), %[lane]"
#define STEP(vl) 1u
#include "conv_pixels_tmpl.h"

/* [term][channel] */
#define PIXELS(name) name##_lanes
#define LOAD_TERM(w, lane, vl) ((void)(lane), LOAD(w, vl))
#define ASM_LOAD_TERM ASM_LOAD " %[weights], (%[w])"
#define STEP(vl) (uint32_t)(vl)
#include "conv_pixels_tmpl.h"

typedef void pixels_function(const groat_conv_float *k, const int8_t *const *rows, const ELEMENT *w, const float *bias,
                             size_t vl, uint32_t pixel, ELEMENT *out);

void KERNEL(conv)(const groat_conv_float *k, const int8_t *const *rows, KERNEL_ELEMENT *outputs, uint32_t pixels)
{
    pixels_function *const three = k->layout == RVV_FLOAT_LANES ? three_pixels_lanes : three_pixels_plain;
    pixels_function *const one = k->layout == RVV_FLOAT_LANES ? one_pixel_lanes : one_pixel_plain;
    const uint32_t terms = k->rows * k->taps * k->run;
    const ELEMENT *w = k->weights;
    const float *bias = k->channels;
    ELEMENT *out = (ELEMENT *)(void *)outputs;
    for (uint32_t left = k->channels_out, vl; left > 0; left -= vl, w += vl * terms, bias += vl, out += vl) {
        vl = left < GROAT_RVV_FLOAT_LANES ? left : GROAT_RVV_FLOAT_LANES;
        uint32_t pixel = 0;
        for (; pixels - pixel >= 3; pixel += 3) {
            three(k, rows, w, bias, vl, pixel, out + pixel * k->out_stride);
        }
        for (; pixel < pixels; pixel++) {
            one(k, rows, w, bias, vl, pixel, out + pixel * k->out_stride);
        }
    }
}
