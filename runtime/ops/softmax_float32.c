/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of float32.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define KERNEL groat_kernels.softmax_f32
#include "softmax_float_tmpl.h"

const groat_op groat_op_softmax_float32 = {check, NULL, run};
