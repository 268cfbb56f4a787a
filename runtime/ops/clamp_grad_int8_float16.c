/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of an int8 op's clamp, from a dy of float16.
 */
#include "as_float16.h"
#include "clamp_grad_int8_tmpl.h"

const groat_op groat_op_clamp_grad_int8_float16 = {check, NULL, run};
