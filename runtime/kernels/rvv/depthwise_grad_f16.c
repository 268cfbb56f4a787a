/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution of float16.
 */
#include "f16.h"
#include "depthwise_grad_float_tmpl.h"
