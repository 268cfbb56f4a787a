/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of the logistic function or tanh of float16.
 */
#include "as_float16.h"
#include "sigmoid_grad_float_tmpl.h"

const groat_op groat_op_sigmoid_grad_float16 = {check, NULL, run};
