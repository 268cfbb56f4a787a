/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the gradient of a clamp of float16 passes.
 */
#include "as_float16.h"
#include "clamp_mask_float_tmpl.h"

const groat_op groat_op_clamp_mask_float16 = {check, NULL, run};
