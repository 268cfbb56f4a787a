/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution of float16.
 */
#include "f16.h"
#include "conv_grad_float_tmpl.h"
