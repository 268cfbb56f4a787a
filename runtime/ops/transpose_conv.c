/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, int8.
 */
#include "../kernels/kernels.h"

#define PARAMS groat_transpose_conv_params
#define KERNEL groat_conv_s8
#define ELEMENT int8_t
#define DTYPE GROAT_INT8
#define NEEDS groat_kernels.conv_s8_needs
#define CHECK groat_kernels.conv_s8_check
#define RUN groat_kernels.conv_s8
#define PADDING(p) ((p)->input_zero_point)
#define START(p, k) ((k)->tap = (p)->window.in_c, (k)->output_zero_point = (p)->output_zero_point)

#include "transpose_conv_tmpl.h"

const groat_op groat_op_transpose_conv = {check, scratch_bytes, run};
