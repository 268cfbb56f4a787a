/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums and products of float32 and what training does element by element, on the floating-point unit.
 */
#define FPU(name) groat_##name##_mve
#include "../fpu_f32.h"
#include "../fpu_elementwise_tmpl.h"
#include "../fpu_clamp_grad_tmpl.h"
