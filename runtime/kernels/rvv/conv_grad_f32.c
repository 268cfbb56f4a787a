/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution of float32.
 */
#include "f32.h"
#include "conv_grad_float_tmpl.h"
