/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp of float16, by a mask.
 */
#include "as_float16.h"
#include "clamp_grad_mask_float_tmpl.h"

const groat_op groat_op_clamp_grad_mask_float16 = {check, NULL, run};
