/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of a convolution's weights, of float32: products with Helium, the rest on the floating-point unit.
 */
#define FPU(name) groat_##name##_mve
#include "grad_f32.h"
#include "../fpu_conv_weight_grad_tmpl.h"
