/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the factors and offsets of group normalisation of float16.
 */
#include "as_float16.h"
#include "group_norm_weight_grad_float_tmpl.h"

const groat_op groat_op_group_norm_weight_grad_float16 = {check, NULL, run};
