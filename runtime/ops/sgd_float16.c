/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of gradient descent on float16 parameters.
 */
#include "as_float16.h"
#include "sgd_float_tmpl.h"

const groat_op groat_op_sgd_float16 = {check, NULL, run};
