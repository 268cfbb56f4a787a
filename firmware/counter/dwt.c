/* SPDX-License-Identifier: Apache-2.0
 *
 * The cycle counter of Armv7-M and Armv8-M, in the Data Watchpoint and Trace unit: 32 bits.  QEMU has none: there it stands
 * at zero.
 */
#include "../port/port.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

enum {
    CONTROL = 0x0,
    CONTROL_COUNT = 1,
    CYCLES = 0x4,
    LOCK = 0xFB0 /* of cores that have it: the Cortex-M7 */
};

#define UNLOCK 0xC5ACCE55u
#define DEMCR 0xE000EDFCu
#define DEMCR_TRACE (1u << 24)

void groat_counter_start(void)
{
    REGISTER(DEMCR) |= DEMCR_TRACE;
    REGISTER(GROAT_COUNTER_ADDRESS + LOCK) = UNLOCK;
    REGISTER(GROAT_COUNTER_ADDRESS + CONTROL) |= CONTROL_COUNT;
}

uint64_t groat_counter_read(void)
{
    return REGISTER(GROAT_COUNTER_ADDRESS + CYCLES);
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return (uint32_t)groat_counter_read() - (uint32_t)earlier;
}
