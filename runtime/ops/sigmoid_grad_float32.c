/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of the logistic function or tanh of float32.
 */
#include "as_float32.h"
#include "sigmoid_grad_float_tmpl.h"

const groat_op groat_op_sigmoid_grad_float32 = {check, NULL, run};
