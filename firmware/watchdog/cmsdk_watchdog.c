/* SPDX-License-Identifier: Apache-2.0
 *
 * The Cortex-M System Design Kit's watchdog: when it is not fed, it first interrupts, where this firmware has a fault; if
 * that does not help, it resets.
 */
#include "../port/port.h"
#include "../port/registers.h"

enum {
    LOAD = 0x000,
    CONTROL = 0x008,
    CONTROL_COUNT = 1 << 0,
    CONTROL_RESET = 1 << 1
};

_Static_assert((uint64_t)GROAT_WATCHDOG_SECONDS *GROAT_WATCHDOG_CLOCK <= UINT32_MAX, "it counts to 2^32 at most");

void groat_watchdog_feed(void)
{
    groat_poke(GROAT_WATCHDOG_ADDRESS + LOAD, GROAT_WATCHDOG_SECONDS * GROAT_WATCHDOG_CLOCK);
}

void groat_watchdog_start(void)
{
    groat_watchdog_feed();
    groat_poke(GROAT_WATCHDOG_ADDRESS + CONTROL, CONTROL_COUNT | CONTROL_RESET);
}
