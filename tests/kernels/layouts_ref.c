/* SPDX-License-Identifier: Apache-2.0
 *
 * The portable kernels read the plain layout itself.
 */
#include "checkkernel.h"

_Static_assert(GROAT_PACKING_SELECTED == GROAT_PACKING_REF, "link the layouts of the kernels' own packing instead");

void lay_out_conv_s8(groat_conv_s8 *k)
{
    k->layout = 0;
}

void lay_out_depthwise_s8(groat_depthwise_s8 *k)
{
    k->layout = 0;
}
