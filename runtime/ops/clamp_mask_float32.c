/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the gradient of a clamp of float32 passes.
 */
#include "as_float32.h"
#include "../core/op.h"

typedef groat_clamp_mask_float32_params op_params; /* the fields are the same for both types */

#include "clamp_mask_tmpl.h"

const groat_op groat_op_clamp_mask_float32 = {check, NULL, run};
