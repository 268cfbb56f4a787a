/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of float16.
 */
#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define KERNEL groat_kernels.softmax_f16
#include "softmax_float_tmpl.h"

const groat_op groat_op_softmax_float16 = {check, NULL, run};
