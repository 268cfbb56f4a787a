/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a mean of float16 over some axes.
 */
#include "as_float16.h"
#include "mean_grad_float_tmpl.h"

const groat_op groat_op_mean_grad_float16 = {check, NULL, run};
