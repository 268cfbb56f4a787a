/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of float32 over some axes.
 */
#include "as_float32.h"
#include "sum_to_float_tmpl.h"

const groat_op groat_op_sum_to_float32 = {check, NULL, run};
