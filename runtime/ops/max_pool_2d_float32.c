/* SPDX-License-Identifier: Apache-2.0
 *
 * The maximum of each channel over windows of a float32 image.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define KERNEL groat_kernels.max_pool_f32
#include "pool_2d_float_tmpl.h"

const groat_op groat_op_max_pool_2d_float32 = {check, scratch_bytes, run};
