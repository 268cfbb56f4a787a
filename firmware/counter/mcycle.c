/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V's own count of cycles: 64 bits in two registers.
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
        __asm__ volatile("csrr %0, mcycleh" : "=r"(high));
        __asm__ volatile("csrr %0, mcycle" : "=r"(low));
        __asm__ volatile("csrr %0, mcycleh" : "=r"(again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return groat_counter_read() - earlier;
}
