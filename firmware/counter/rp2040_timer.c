/* SPDX-License-Identifier: Apache-2.0
 *
 * The RP2040's timer: 64 bits, in microseconds once the board's start-up gave it its tick.
 */
#include "../port/port.h"

#define REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(GROAT_COUNTER_ADDRESS + (offset)))

enum {
    RAW_HIGH = 0x24,
    RAW_LOW = 0x28
};

void groat_counter_start(void)
{
}

/* The halves are read one after the other: again, if the upper one moved in between. */
uint64_t groat_counter_read(void)
{
    uint32_t high, low;
    do {
        high = REGISTER(RAW_HIGH);
        low = REGISTER(RAW_LOW);
    } while (high != REGISTER(RAW_HIGH));
    return (uint64_t)high << 32 | low;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return groat_counter_read() - earlier;
}
