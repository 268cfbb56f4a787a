/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layer of float16.
 */
#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define KERNEL groat_kernels.conv_f16
#define NEEDS groat_kernels.conv_f16_needs
#include "fully_connected_float_tmpl.h"

const groat_op groat_op_fully_connected_float16 = {check, scratch_bytes, run};
