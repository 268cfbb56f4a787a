/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of each float32 element.
 */
#include "as_float32.h"
#include "unary_float_tmpl.h"

const groat_op groat_op_unary_float32 = {check, NULL, run};
