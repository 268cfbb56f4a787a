/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution of float32.
 */
#include "f32.h"
#include "depthwise_grad_float_tmpl.h"
