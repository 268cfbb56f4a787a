/* SPDX-License-Identifier: Apache-2.0
 *
 * What all fences share.
 */
#include "fence.h"

#include "../port/port.h"

_Noreturn void groat_fence_too_small(void)
{
    groat_print("groat: fence: this core's memory protection has too few regions for the memory of this firmware\n");
    groat_exit(GROAT_EXIT_FAULT);
}
