/* SPDX-License-Identifier: Apache-2.0
 *
 * One bit for each element of an int8 op's output: whether the gradient of its clamp passes.
 */
#include "as_int8.h"
#include "../core/op.h"

typedef groat_clamp_mask_int8_params op_params;

#include "clamp_mask_tmpl.h"

const groat_op groat_op_clamp_mask_int8 = {check, NULL, run};
