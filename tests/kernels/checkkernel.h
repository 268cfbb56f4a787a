/* SPDX-License-Identifier: Apache-2.0
 *
 * Which kernels are checked is decided when the program is linked: those that a build of the runtime selects
 * (selected.c), or, to see that the check can fail, one with a mistake (mutants.c).
 */
#ifndef CHECKKERNEL_H
#define CHECKKERNEL_H

#include "../../runtime/kernels/select.h"

const groat_kernel_table *kernels_under_test(void);

/* Brings constants from the plain layout into one that the kernels under test read: takes memory for them from the
 * harness, and changes pointers and layout in `k`.  One file for each packing: layouts_<packing>.c. */
void lay_out_conv_s8(groat_conv_s8 *k);
void lay_out_depthwise_s8(groat_depthwise_s8 *k);

#endif
