/* SPDX-License-Identifier: Apache-2.0
 *
 * How the templates for floating-point units (fpu_*_tmpl.h) see float16, which such a unit can only convert: two lie in a
 * register, and are widened to two.  Words must lie at multiples of four bytes; where they do not, since a number of
 * channels is odd, convolutions take numbers one by one, and depthwise ones the portable kernel.
 */
#include "fpu.h"
#include "half.h"

#define ELEMENT uint16_t
#define WIDE(x) groat_float_of_half(x)
#define NARROW(y) groat_half_of(y)
#define KERNEL(name) FPU(name##_f16)
#define NEEDS(name) FPU(name##_f16_needs)
#define PORTABLE(name) groat_##name##_f16_ref

#define SIDE_BY_SIDE 0

#define LOADABLE(bytes) ((bytes) % 4 == 0)

#if FPU_ASSEMBLY

#define WIDEN(low, high, both) "vcvtt.f32.f16 " high ", " both "\n\tvcvtb.f32.f16 " low ", " both "\n\t"
#define NARROWED(both, low, high) "vcvtb.f16.f32 " both ", " low "\n\tvcvtt.f16.f32 " both ", " high "\n\t"

#define LOAD_ONE(at, temp, a) \
    "ldrh %[" temp "], [%[" at "]], #2\n\tvmov " a ", %[" temp "]\n\tvcvtb.f32.f16 " a ", " a "\n\t"
#define LOAD_ANY_TWO(at, temp, a, b) LOAD_ONE(at, temp, a) LOAD_ONE(at, temp, b)
#define LOAD_ANY_THREE(at, temp, a, b, c) LOAD_ANY_TWO(at, temp, a, b) LOAD_ONE(at, temp, c)
#define LOAD_TWO(at, on, a, b) "vldmia.32 %[" at "]" on ", {" a "}\n\t" WIDEN(a, b, a)
#define LOAD_FOUR(at, on, a, b, c, d) "vldmia.32 %[" at "]" on ", {" a "-" b "}\n\t" WIDEN(c, d, b) WIDEN(a, b, a)
#define LOAD_EIGHT(at, on, a, b, c, d, e, f, g, h) \
    "vldmia.32 %[" at "]" on ", {" a "-" d "}\n\t" WIDEN(g, h, d) WIDEN(e, f, c) WIDEN(c, d, b) WIDEN(a, b, a)
#define STORE_FOUR(at, on, a, b, c, d) \
    NARROWED(a, a, b) NARROWED(b, c, d) "vstmia.32 %[" at "]" on ", {" a "-" b "}\n\t"
#define STORE_EIGHT(at, on, a, b, c, d, e, f, g, h) \
    NARROWED(a, a, b)                               \
    NARROWED(b, c, d) NARROWED(c, e, f) NARROWED(d, g, h) "vstmia.32 %[" at "]" on ", {" a "-" d "}\n\t"

#define STORE_FOUR_SUMS(to) \
    __asm__ volatile(STORE_FOUR("at", "", "s0", "s1", "s2", "s3") : FPU_ALL_FOUR("+w") : [at] "r"(to) : "memory")
#define STORE_SUMS(to)                                                                     \
    __asm__ volatile(STORE_EIGHT("at", "", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7") \
                     : FPU_ALL_EIGHT("+w")                                                 \
                     : [at] "r"(to)                                                        \
                     : "memory")
#define STORE_PIXELS(to, step)                                                                                         \
    __asm__ volatile(                                                                                                  \
        STORE_FOUR("at", "", "s0", "s1", "s2", "s3") "add %[at], %[at], %[apart]\n\t" STORE_FOUR(                      \
            "at", "", "s4", "s5", "s6",                                                                                \
            "s7") "add %[at], %[at], %[apart]\n\t" STORE_FOUR("at", "", "s8", "s9", "s10",                             \
                                                              "s11") "add %[at], %[at], "                              \
                                                                     "%[apart]\n\t" STORE_FOUR("at", "", "s12", "s13", \
                                                                                               "s14", "s15")           \
        : [at] "+r"(to), FPU_ALL_SIXTEEN("+w")                                                                         \
        : [apart] "r"(step)                                                                                            \
        : "memory")

#define REST(one, two) two
#define REST_STEP "2"

#endif
