/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two float16 tensors, with broadcasting.
 */
#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define KERNEL groat_kernels.add_f16
#include "elementwise_float_tmpl.h"

const groat_op groat_op_add_float16 = {check, NULL, run};
