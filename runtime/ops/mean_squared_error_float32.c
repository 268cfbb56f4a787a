/* SPDX-License-Identifier: Apache-2.0
 *
 * The loss of a regression of float32 values, and its gradient.
 */
#include "as_float32.h"
#include "mean_squared_error_float_tmpl.h"

const groat_op groat_op_mean_squared_error_float32 = {check, NULL, run};
