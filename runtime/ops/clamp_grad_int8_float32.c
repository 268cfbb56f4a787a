/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of an int8 op's clamp, from a dy of float32.
 */
#include "as_float32.h"
#include "clamp_grad_int8_tmpl.h"

const groat_op groat_op_clamp_grad_int8_float32 = {check, NULL, run};
