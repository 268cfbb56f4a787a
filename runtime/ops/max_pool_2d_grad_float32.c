/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a maximum pooling of float32.
 */
#include "as_float32.h"
#include "max_pool_2d_grad_float_tmpl.h"

const groat_op groat_op_max_pool_2d_grad_float32 = {check, NULL, run};
