/* SPDX-License-Identifier: Apache-2.0
 *
 * Group normalisation of float32.
 */
#include "as_float32.h"
#include "group_norm_float_tmpl.h"

const groat_op groat_op_group_norm_float32 = {check, NULL, run};
