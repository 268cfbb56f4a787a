/* SPDX-License-Identifier: Apache-2.0
 *
 * The logistic function and tanh of float16.
 */
#include "../kernels/half.h"

#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define WIDE(x) groat_float_of_half(x)
#define NARROW(y) groat_half_of(y)
#include "sigmoid_float_tmpl.h"

const groat_op groat_op_sigmoid_float16 = {check, NULL, run};
