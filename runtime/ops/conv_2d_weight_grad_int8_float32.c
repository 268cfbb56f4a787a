/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a convolution of int8, from a dy of float32.
 */
#include "as_float32.h"
#include "conv_2d_weight_grad_int8_tmpl.h"

const groat_op groat_op_conv_2d_weight_grad_int8_float32 = {check, scratch_bytes, run};
