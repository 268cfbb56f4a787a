/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of gradient descent on float32 parameters.
 */
#include "as_float32.h"
#include "sgd_float_tmpl.h"

const groat_op groat_op_sgd_float32 = {check, NULL, run};
