/* SPDX-License-Identifier: Apache-2.0
 *
 * How ops that are written once for all types of floats (*_float_tmpl.h) see float32.
 */
#define DTYPE GROAT_FLOAT32
#define ELEMENT float
#define WIDE(x) (x)
#define NARROW(y) (y)
#define KERNEL(name) groat_kernels.name##_f32
#define NEEDS(name) groat_kernels.name##_f32_needs
