/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float16 on the floating-point unit.
 */
#define FPU(name) groat_##name##_dsp
#include "../fpu_f16.h"
#include "../fpu_conv_tmpl.h"
