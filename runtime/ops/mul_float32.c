/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two float32 tensors, with broadcasting.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define KERNEL groat_kernels.mul_f32
#include "elementwise_float_tmpl.h"

const groat_op groat_op_mul_float32 = {check, NULL, run};
