/* SPDX-License-Identifier: Apache-2.0
 *
 * How the portable kernels of floats (*_tmpl.h) see float16.
 */
#include "../half.h"

#define ELEMENT uint16_t
#define WIDE(x) groat_float_of_half(x)
#define NARROW(y) groat_half_of(y)
#define NARROW_FINITE(y) groat_half_of(groat_clamp_float(y, -65504.0f, 65504.0f)) /* or not a number */
#define KERNEL(name) groat_##name##_f16_ref
#define NEEDS(name) groat_##name##_f16_needs_ref
