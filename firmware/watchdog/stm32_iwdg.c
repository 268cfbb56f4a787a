/* SPDX-License-Identifier: Apache-2.0
 *
 * The independent watchdog of STM32 chips, with a clock of its own of about 32 kHz; once started, nothing stops it.
 */
#include "../port/port.h"
#include "../port/registers.h"

enum {
    KEY = 0x40003000,
    PRESCALER = KEY + 0x04,
    RELOAD = KEY + 0x08,
    STATUS = KEY + 0x0C,
    START = 0xCCCC,
    OPEN = 0x5555,
    FEED = 0xAAAA,
    BY_256 = 6,
    TICKS_PER_SECOND = 32000 / 256,
    TICKS_MAX = 4096
};

_Static_assert(GROAT_WATCHDOG_SECONDS *TICKS_PER_SECOND <= TICKS_MAX, "this watchdog waits 32 seconds at most");

void groat_watchdog_start(void)
{
    groat_poke(KEY, START);
    groat_poke(KEY, OPEN);
    groat_poke(PRESCALER, BY_256);
    groat_poke(RELOAD, GROAT_WATCHDOG_SECONDS * TICKS_PER_SECOND - 1);
    while (groat_peek(STATUS) != 0) { /* until its clock has taken them */
    }
    groat_poke(KEY, FEED);
}

void groat_watchdog_feed(void)
{
    groat_poke(KEY, FEED);
}
