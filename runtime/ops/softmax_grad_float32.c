/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of softmax of float32.
 */
#include "as_float32.h"
#include "softmax_grad_float_tmpl.h"

const groat_op groat_op_softmax_grad_float32 = {check, NULL, run};
