/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel once more, in the plainest form of docs/NUMERICS.md: 64-bit integers, division instead of shifts,
 * no thought of speed.  It shares no code with runtime/kernels/, so that a mistake there is not repeated here.
 * Constants are in the plain layout, that of `ref`.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "../../runtime/kernels/kernels.h"

#define GROAT_KERNEL(type, name, arguments) type oracle_##name arguments;
#include "../../runtime/kernels/kernels.def"
#undef GROAT_KERNEL

#endif
