/* SPDX-License-Identifier: Apache-2.0
 *
 * Which implementation of each kernel this build uses: all of `ref`, then one ISA's own in their place.
 * A static table in a private header, so that the linker drops whatever no op asks for.
 *
 * A build chooses by defining one of GROAT_ISA_DSP, GROAT_ISA_MVE, GROAT_ISA_RVV, GROAT_ISA_SCALAR, or none for `ref`,
 * and compiles the files of that folder beside those of ref/.
 */
#ifndef GROAT_SELECT_H
#define GROAT_SELECT_H

#include "kernels.h"

/* The packing of weights that the selected kernels read, the list of what they replace, and their suffix. */
#if defined(GROAT_ISA_DSP)
#define GROAT_PACKING_SELECTED GROAT_PACKING_DSP
#define GROAT_OVERRIDES "dsp/overrides.def"
#define GROAT_OVERRIDE(name) .name = groat_##name##_dsp,
#define GROAT_KERNEL(type, name, arguments) type groat_##name##_dsp arguments;
#elif defined(GROAT_ISA_MVE)
#define GROAT_PACKING_SELECTED GROAT_PACKING_MVE
#define GROAT_OVERRIDES "mve/overrides.def"
#define GROAT_OVERRIDE(name) .name = groat_##name##_mve,
#define GROAT_KERNEL(type, name, arguments) type groat_##name##_mve arguments;
#elif defined(GROAT_ISA_RVV)
#define GROAT_PACKING_SELECTED GROAT_PACKING_RVV
#define GROAT_OVERRIDES "rvv/overrides.def"
#define GROAT_OVERRIDE(name) .name = groat_##name##_rvv,
#define GROAT_KERNEL(type, name, arguments) type groat_##name##_rvv arguments;
#elif defined(GROAT_ISA_SCALAR)
#define GROAT_PACKING_SELECTED GROAT_PACKING_SCALAR
#define GROAT_OVERRIDES "scalar/overrides.def"
#define GROAT_OVERRIDE(name) .name = groat_##name##_scalar,
#define GROAT_KERNEL(type, name, arguments) type groat_##name##_scalar arguments;
#else
#define GROAT_PACKING_SELECTED GROAT_PACKING_REF
#endif

#ifdef GROAT_OVERRIDES
#include "kernels.def"
#undef GROAT_KERNEL
#endif

typedef struct groat_kernel_table {
#define GROAT_KERNEL(type, name, arguments) type(*name) arguments;
#include "kernels.def"
#undef GROAT_KERNEL
} groat_kernel_table;

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
static const groat_kernel_table groat_kernels = {
#define GROAT_KERNEL(type, name, arguments) .name = groat_##name##_ref,
#include "kernels.def"
#undef GROAT_KERNEL
#ifdef GROAT_OVERRIDES
#include GROAT_OVERRIDES
#undef GROAT_OVERRIDE
#endif
};
#if defined(__clang__)
#pragma clang diagnostic pop
#else
#pragma GCC diagnostic pop
#endif

#endif
