/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a depthwise convolution of int8, from a dy of float16.
 */
#include "as_float16.h"
#include "depthwise_conv_2d_input_grad_int8_tmpl.h"

const groat_op groat_op_depthwise_conv_2d_input_grad_int8_float16 = {check, scratch_bytes, run};
