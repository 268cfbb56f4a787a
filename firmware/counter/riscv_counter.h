/* SPDX-License-Identifier: Apache-2.0
 *
 * A counter of RISC-V, 64 bits in two registers.  The file that includes this names it: COUNTER.
 */
#include "../port/port.h"

void groat_counter_start(void)
{
}

/* The halves are read one after the other: again, if the upper one moved in between. */
uint64_t groat_counter_read(void)
{
    uint32_t high, low, again;
    do {
        __asm__ volatile("csrr %0, " COUNTER "h" : "=r"(high));
        __asm__ volatile("csrr %0, " COUNTER : "=r"(low));
        __asm__ volatile("csrr %0, " COUNTER "h" : "=r"(again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return groat_counter_read() - earlier;
}
