/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of a convolution's input, of float32, on the floating-point unit.
 */
#define FPU(name) groat_##name##_mve
#include "../fpu_f32.h"
#include "../fpu_conv_input_grad_tmpl.h"
