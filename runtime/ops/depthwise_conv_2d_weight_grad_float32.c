/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a depthwise convolution of float32.
 */
#include "as_float32.h"
#include "depthwise_conv_2d_weight_grad_float_tmpl.h"

const groat_op groat_op_depthwise_conv_2d_weight_grad_float32 = {check, scratch_bytes, run};
