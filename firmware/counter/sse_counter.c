/* SPDX-License-Identifier: Apache-2.0
 *
 * The system counter of Arm's SSE-300 subsystem: 64 bits.
 */
#include "../port/port.h"

#define REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(GROAT_COUNTER_ADDRESS + (offset)))

enum {
    VALUE_LOW = 0x0,
    VALUE_HIGH = 0x4,
    CONTROL = 0x100000 /* the frame that starts it lies a megabyte further on */
};

void groat_counter_start(void)
{
    REGISTER(CONTROL) = 1;
}

/* The halves are read one after the other: again, if the upper one moved in between. */
uint64_t groat_counter_read(void)
{
    uint32_t high, low;
    do {
        high = REGISTER(VALUE_HIGH);
        low = REGISTER(VALUE_LOW);
    } while (high != REGISTER(VALUE_HIGH));
    return (uint64_t)high << 32 | low;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return groat_counter_read() - earlier;
}
