/* SPDX-License-Identifier: Apache-2.0
 *
 * The Cortex-M System Design Kit's timer: 32 bits, counting down and starting over.
 */
#include "../port/port.h"

typedef struct cmsdk_timer {
    volatile uint32_t control, value, reload, interrupt;
} cmsdk_timer;

static cmsdk_timer *const timer = (cmsdk_timer *)GROAT_COUNTER_ADDRESS;

void groat_counter_start(void)
{
    timer->reload = UINT32_MAX;
    timer->value = UINT32_MAX;
    timer->control = 1;
}

uint64_t groat_counter_read(void)
{
    return timer->value;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return (uint32_t)earlier - timer->value;
}
