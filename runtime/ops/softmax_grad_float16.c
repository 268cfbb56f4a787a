/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of softmax of float16.
 */
#include "as_float16.h"
#include "softmax_grad_float_tmpl.h"

const groat_op groat_op_softmax_grad_float16 = {check, NULL, run};
