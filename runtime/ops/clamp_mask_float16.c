/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the gradient of a clamp of float16 passes.
 */
#include "as_float16.h"
#include "../core/op.h"

typedef groat_clamp_mask_float32_params op_params; /* the fields are the same for both types */

#include "clamp_mask_tmpl.h"

const groat_op groat_op_clamp_mask_float16 = {check, NULL, run};
