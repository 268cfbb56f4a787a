/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of starting up that is the same on every core.
 */
#include "startup.h"

#include "../fence/fence.h"
#include "../port/port.h"

extern uint32_t groat_data_start[], groat_data_end[], groat_bss_start[], groat_bss_end[];
extern const uint32_t groat_data_load[];

int main(void);

_Noreturn void groat_startup(void)
{
    const uint32_t *from = groat_data_load;
    for (uint32_t *to = groat_data_start; (uintptr_t)to < (uintptr_t)groat_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = groat_bss_start; (uintptr_t)to < (uintptr_t)groat_bss_end; to++) {
        *to = 0;
    }
#if defined(GROAT_FENCE)
    groat_fence();
#endif
    groat_exit(main());
}
