/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of Adam on float32 parameters.
 */
#include "as_float32.h"
#include "adam_float_tmpl.h"

const groat_op groat_op_adam_float32 = {check, NULL, run};
