/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer of float32.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define KERNEL groat_kernels.conv_f32
#define NEEDS groat_kernels.conv_f32_needs
#include "fully_connected_float_tmpl.h"

const groat_op groat_op_fully_connected_float32 = {check, scratch_bytes, run};
