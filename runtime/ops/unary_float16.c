/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of each float16 element.
 */
#include "as_float16.h"
#include "unary_float_tmpl.h"

const groat_op groat_op_unary_float16 = {check, NULL, run};
