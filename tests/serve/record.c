/* SPDX-License-Identifier: Apache-2.0
 *
 * A chip that prints what is written to its registers: a watchdog's driver or the light's, for as long as main() says.
 */
#include <stdio.h>

#include "../../firmware/port/port.h"
#include "chip.h"

static uint64_t now;

uint32_t groat_peek(uint32_t address)
{
    return address == GROAT_PEEK_ADDRESS ? 0xF0 : 0;
}

void groat_poke(uint32_t address, uint32_t value)
{
    printf("%x=%x\n", address, value);
}

uint64_t groat_counter_read(void)
{
    return now;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return now - earlier;
}

int main(void)
{
#ifdef GROAT_LIGHT_ON
    groat_light_start();
    for (; now < 5 * (uint64_t)GROAT_LIGHT_TICKS / 2; now += GROAT_LIGHT_TICKS / 8) {
        groat_light_wait();
    }
    groat_light_work();
#else
    groat_watchdog_start();
    puts("started");
    groat_watchdog_feed();
#endif
    return 0;
}
