/* SPDX-License-Identifier: Apache-2.0
 *
 * How ops that are written once for all types of floats (*_float_tmpl.h) see float16.
 */
#include "../kernels/half.h"

#define DTYPE GROAT_FLOAT16
#define ELEMENT uint16_t
#define WIDE(x) groat_float_of_half(x)
#define NARROW(y) groat_half_of(y)
#define KERNEL(name) groat_kernels.name##_f16
#define NEEDS(name) groat_kernels.name##_f16_needs
