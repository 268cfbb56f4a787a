/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of Adam on float16 parameters.
 */
#include "as_float16.h"
#include "adam_float_tmpl.h"

const groat_op groat_op_adam_float16 = {check, NULL, run};
