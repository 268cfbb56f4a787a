/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, int16, with accumulators of 64 bits.
 */
#include "../kernels/kernels.h"

#define PARAMS groat_transpose_conv_int16_params
#define KERNEL groat_conv_s16
#define ELEMENT int16_t
#define DTYPE GROAT_INT16
#define NEEDS groat_kernels.conv_s16_needs
#define CHECK groat_kernels.conv_s16_check
#define RUN groat_kernels.conv_s16
#define PADDING(p) 0
#define START(p, k) ((k)->acc_bits = 64)

#include "transpose_conv_tmpl.h"

const groat_op groat_op_transpose_conv_int16 = {check, scratch_bytes, run};
