/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the weights of float16 where there are few input channels: of a convolution's, and of a depthwise one's
 * with a single one.
 */
#ifndef GROAT_MVE_NARROW_F16_H
#define GROAT_MVE_NARROW_F16_H

#include "../kernels.h"

/* Weights are `weight_step` apart, filters `filter_step`: at most 9,362.  The bytes are those of scratch. */
void groat_narrow_weight_grad_f16_mve(const groat_conv_grad_float *k, const uint16_t *x, const uint16_t *dy,
                                      uint16_t *dw, uint32_t weight_step, uint32_t filter_step);
uint64_t groat_narrow_weight_grad_bytes_f16_mve(const groat_conv_grad_float *k);

#endif
