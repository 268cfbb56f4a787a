/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a dense layer of float32.
 */
#include "as_float32.h"
#include "fully_connected_weight_grad_float_tmpl.h"

const groat_op groat_op_fully_connected_weight_grad_float32 = {check, scratch_bytes, run};
