/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float32 on the floating-point unit.
 */
#define FPU(name) groat_##name##_mve
#include "../fpu_f32.h"
#include "../fpu_depthwise_tmpl.h"
