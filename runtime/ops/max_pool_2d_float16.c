/* SPDX-License-Identifier: Apache-2.0
 *
 * The maximum of each channel over windows of a float16 image.
 */
#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define KERNEL groat_kernels.max_pool_f16
#include "pool_2d_float_tmpl.h"

const groat_op groat_op_max_pool_2d_float16 = {check, scratch_bytes, run};
