/* SPDX-License-Identifier: Apache-2.0
 *
 * Which implementation of each kernel this build uses: all of `ref`, then one ISA's own in their place.
 * A static table in a private header, so that the linker drops whatever no op asks for.
 */
#ifndef GROAT_SELECT_H
#define GROAT_SELECT_H

#include "kernels.h"

/* The packing of weights that the selected kernels read. */
#define GROAT_PACKING_SELECTED GROAT_PACKING_REF

typedef struct groat_kernel_table {
#define GROAT_KERNEL(name, arguments) void(*name) arguments;
#include "kernels.def"
#undef GROAT_KERNEL
} groat_kernel_table;

static const groat_kernel_table groat_kernels = {
#define GROAT_KERNEL(name, arguments) .name = groat_##name##_ref,
#include "kernels.def"
#undef GROAT_KERNEL
};

#endif
