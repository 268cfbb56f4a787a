/* SPDX-License-Identifier: Apache-2.0
 *
 * How the templates for floating-point units (fpu_*_tmpl.h) see float32; fpu_f16.h has the same for float16.  A set that
 * includes this defines FPU(name) as its own name of a kernel.
 */
#include "fpu.h"

#define ELEMENT float
#define WIDE(x) (x)
#define NARROW(y) (y)
#define KERNEL(name) FPU(name##_f32)
#define NEEDS(name) FPU(name##_f32_needs)
#define PORTABLE(name) groat_##name##_f32_ref

#define SIDE_BY_SIDE 1 /* the packer lays weights out for it */

/* Whether what lies `bytes` behind the start of an array can be loaded; bytes of several places may be joined by |. */
#define LOADABLE(bytes) ((void)(bytes), 1)

#if FPU_ASSEMBLY

/* Loads from operand `at`, to registers that follow each other; `on` is "!" where it moves on.  One, and any, may lie
 * anywhere; `temp` is an integer register. */
#define LOAD_ONE(at, temp, a) "vldmia.32 %[" at "]!, {" a "}\n\t"
#define LOAD_TWO(at, on, a, b) "vldmia.32 %[" at "]" on ", {" a "-" b "}\n\t"
#define LOAD_ANY_TWO(at, temp, a, b) "vldmia.32 %[" at "]!, {" a "-" b "}\n\t"
#define LOAD_ANY_THREE(at, temp, a, b, c) "vldmia.32 %[" at "]!, {" a "-" c "}\n\t"
#define LOAD_FOUR(at, on, a, b, c, d) "vldmia.32 %[" at "]" on ", {" a "-" d "}\n\t"
#define LOAD_EIGHT(at, on, a, b, c, d, e, f, g, h) "vldmia.32 %[" at "]" on ", {" a "-" h "}\n\t"
#define STORE_FOUR(at, on, a, b, c, d) "vstmia.32 %[" at "]" on ", {" a "-" d "}\n\t"
#define STORE_EIGHT(at, on, a, b, c, d, e, f, g, h) "vstmia.32 %[" at "]" on ", {" a "-" h "}\n\t"

/* Four or eight sums of a pixel, and four of four pixels, `step` bytes apart. */
#define STORE_FOUR_SUMS(to) FPU_STORE_FOUR(to)
#define STORE_SUMS(to) FPU_STORE_EIGHT(to)
#define STORE_PIXELS(to, step) FPU_STORE_PIXELS(to, step)

/* What remains of products that go in fours: one by one. */
#define REST(one, two) one
#define REST_STEP "1"

#endif
