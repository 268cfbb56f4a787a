/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the input of a dense layer of float16.
 */
#include "as_float16.h"
#include "fully_connected_input_grad_float_tmpl.h"

const groat_op groat_op_fully_connected_input_grad_float16 = {check, scratch_bytes, run};
