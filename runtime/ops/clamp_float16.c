/* SPDX-License-Identifier: Apache-2.0
 *
 * A clamp of float16.
 */
#include "../kernels/half.h"

#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define WIDE(x) groat_float_of_half(x)
#define NARROW(y) groat_half_of(y)
#include "clamp_float_tmpl.h"

const groat_op groat_op_clamp_float16 = {check, NULL, run};
