/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution of float32 on the floating-point unit.
 */
#define FPU(name) groat_##name##_dsp
#include "../fpu_conv_grad_tmpl.h"
