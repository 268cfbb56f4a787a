/* SPDX-License-Identifier: Apache-2.0
 *
 * The logistic function and tanh of float32.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define WIDE(x) (x)
#define NARROW(y) (y)
#include "sigmoid_float_tmpl.h"

const groat_op groat_op_sigmoid_float32 = {check, NULL, run};
