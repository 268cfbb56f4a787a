/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a mean of float32 over some axes.
 */
#include "as_float32.h"
#include "mean_grad_float_tmpl.h"

const groat_op groat_op_mean_grad_float32 = {check, NULL, run};
