/* SPDX-License-Identifier: Apache-2.0
 *
 * The loss of a classifier of float16 logits, and its gradient.
 */
#include "as_float16.h"
#include "softmax_cross_entropy_float_tmpl.h"

const groat_op groat_op_softmax_cross_entropy_float16 = {check, NULL, run};
