/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of float16 over some axes.
 */
#include "as_float16.h"
#include "sum_to_float_tmpl.h"

const groat_op groat_op_sum_to_float16 = {check, NULL, run};
