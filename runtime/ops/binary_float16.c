/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of two float16 tensors, with broadcasting.
 */
#include "as_float16.h"
#include "binary_float_tmpl.h"

const groat_op groat_op_binary_float16 = {check, NULL, run};
