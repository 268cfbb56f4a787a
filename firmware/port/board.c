/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device does beside serving: feeds its watchdog, and shows a light, where its description has them; and whatever a
 * C file of its board's does.
 */
#include "port.h"

__attribute__((weak)) void groat_board_start(void)
{
}

__attribute__((weak)) void groat_board_wait(void)
{
}

__attribute__((weak)) void groat_board_work(void)
{
}

void groat_start(void)
{
    groat_board_start();
#ifdef GROAT_WATCHDOG
    groat_watchdog_start();
#endif
#ifdef GROAT_LIGHT
    groat_light_start();
#endif
}

void groat_wait(void)
{
    groat_board_wait();
#ifdef GROAT_WATCHDOG
    groat_watchdog_feed();
#endif
#ifdef GROAT_LIGHT
    groat_light_wait();
#endif
}

void groat_work(void)
{
    groat_board_work();
#ifdef GROAT_WATCHDOG
    groat_watchdog_feed();
#endif
#ifdef GROAT_LIGHT
    groat_light_work();
#endif
}
