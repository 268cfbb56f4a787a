/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of two float32 tensors, with broadcasting.
 */
#include "as_float32.h"
#include "binary_float_tmpl.h"

const groat_op groat_op_binary_float32 = {check, NULL, run};
