/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float32.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define KERNEL groat_kernels.depthwise_f32
#define NEEDS groat_kernels.depthwise_f32_needs
#include "depthwise_conv_2d_float_tmpl.h"

const groat_op groat_op_depthwise_conv_2d_float32 = {check, scratch_bytes, run};
