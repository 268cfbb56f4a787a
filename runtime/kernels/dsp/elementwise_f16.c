/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums and products of float16 and what training does element by element, on the floating-point unit.
 */
#define FPU(name) groat_##name##_dsp
#include "../fpu_f16.h"
#include "../fpu_elementwise_tmpl.h"
