/* SPDX-License-Identifier: Apache-2.0
 *
 * Group normalisation of float16.
 */
#include "as_float16.h"
#include "group_norm_float_tmpl.h"

const groat_op groat_op_group_norm_float16 = {check, NULL, run};
