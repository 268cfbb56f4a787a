/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels that this build of the runtime uses.
 */
#include "checkkernel.h"

const groat_kernel_table *kernels_under_test(void)
{
    return &groat_kernels;
}
