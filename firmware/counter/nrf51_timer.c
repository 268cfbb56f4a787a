/* SPDX-License-Identifier: Apache-2.0
 *
 * The nRF51's timer: 32 bits at 16 MHz; a write captures the count into a register.
 */
#include "../port/port.h"

#define REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(GROAT_COUNTER_ADDRESS + (offset)))

enum {
    TASK_START = 0x000,
    TASK_CAPTURE = 0x040,
    BIT_MODE = 0x508,
    PRESCALER = 0x510,
    CAPTURED = 0x540,
    BIT_MODE_32 = 3
};

void groat_counter_start(void)
{
    REGISTER(BIT_MODE) = BIT_MODE_32;
    REGISTER(PRESCALER) = 0;
    REGISTER(TASK_START) = 1;
}

uint64_t groat_counter_read(void)
{
    REGISTER(TASK_CAPTURE) = 1;
    return REGISTER(CAPTURED);
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return (uint32_t)groat_counter_read() - (uint32_t)earlier;
}
