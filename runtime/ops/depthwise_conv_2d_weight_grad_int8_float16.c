/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a depthwise convolution of int8, from a dy of float16.
 */
#include "as_float16.h"
#include "depthwise_conv_2d_weight_grad_int8_tmpl.h"

const groat_op groat_op_depthwise_conv_2d_weight_grad_int8_float16 = {check, scratch_bytes, run};
