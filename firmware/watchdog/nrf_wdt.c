/* SPDX-License-Identifier: Apache-2.0
 *
 * The watchdog of the nRF51 and nRF52, by their clock of 32,768 Hz; once started, nothing stops it.
 */
#include "../port/port.h"
#include "../port/registers.h"

#define RELOAD 0x6E524635u

enum {
    WDT = 0x40010000,
    START = WDT + 0x000,
    TICKS = WDT + 0x504,
    FEEDS = WDT + 0x508, /* which of its eight registers have to be fed */
    CONFIG = WDT + 0x50C,
    FEED = WDT + 0x600,
    WHILE_ASLEEP = 1, /* but not while a debugger holds the core */
    TICKS_PER_SECOND = 32768
};

_Static_assert(GROAT_WATCHDOG_SECONDS <= 3600, "an hour at most");

void groat_watchdog_start(void)
{
    groat_poke(CONFIG, WHILE_ASLEEP);
    groat_poke(TICKS, (uint32_t)GROAT_WATCHDOG_SECONDS * TICKS_PER_SECOND - 1);
    groat_poke(FEEDS, 1);
    groat_poke(START, 1);
}

void groat_watchdog_feed(void)
{
    groat_poke(FEED, RELOAD);
}
