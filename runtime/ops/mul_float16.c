/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two float16 tensors, with broadcasting.
 */
#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define KERNEL groat_kernels.mul_f16
#include "elementwise_float_tmpl.h"

const groat_op groat_op_mul_float16 = {check, NULL, run};
