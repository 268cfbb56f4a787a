/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean over some axes of float32.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define WIDE(x) (x)
#define NARROW(y) (y)
#include "mean_float_tmpl.h"

const groat_op groat_op_mean_float32 = {check, NULL, run};
