/* SPDX-License-Identifier: Apache-2.0
 *
 * The portable kernels of floats are written once, in *_tmpl.h; this is how they see float32.
 */
#define ELEMENT float
#define WIDE(x) (x)
#define NARROW(y) (y)
#define NARROW_FINITE(y) (y)
#define KERNEL(name) groat_##name##_f32_ref
#define NEEDS(name) groat_##name##_f32_needs_ref
