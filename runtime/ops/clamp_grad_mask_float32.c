/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp of float32, by a mask.
 */
#include "as_float32.h"
#include "clamp_grad_mask_float_tmpl.h"

const groat_op groat_op_clamp_grad_mask_float32 = {check, NULL, run};
