/* SPDX-License-Identifier: Apache-2.0
 *
 * A light at a pin: on while the device works, once a second while it waits.  Which registers switch it, the board's
 * description says.
 */
#include "../port/port.h"
#include "../port/registers.h"

typedef struct change {
    uint32_t address, clear, set;
} change;

static const change setup[] = {GROAT_LIGHT_SETUP};
static const uint32_t on[2] = {GROAT_LIGHT_ON}, off[2] = {GROAT_LIGHT_OFF};
static uint64_t since;
static uint8_t is_on;

static void switch_it(uint8_t to)
{
    const uint32_t *how = to ? on : off;
    groat_poke(how[0], how[1]);
    is_on = to;
}

void groat_light_start(void)
{
    for (uint32_t i = 0; i < sizeof setup / sizeof setup[0]; i++) {
        groat_poke(setup[i].address, (groat_peek(setup[i].address) & ~setup[i].clear) | setup[i].set);
    }
    switch_it(1);
}

void groat_light_work(void)
{
    switch_it(1);
}

void groat_light_wait(void)
{
    if (groat_counter_since(since) >= GROAT_LIGHT_TICKS) {
        since = groat_counter_read();
        switch_it(!is_on);
    }
}
