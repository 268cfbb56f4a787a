/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float16.
 */
#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define KERNEL groat_kernels.depthwise_f16
#define NEEDS groat_kernels.depthwise_f16_needs
#include "depthwise_conv_2d_float_tmpl.h"

const groat_op groat_op_depthwise_conv_2d_float16 = {check, scratch_bytes, run};
