/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the gradient of a clamp of float32 passes.
 */
#include "as_float32.h"
#include "clamp_mask_float_tmpl.h"

const groat_op groat_op_clamp_mask_float32 = {check, NULL, run};
