/* SPDX-License-Identifier: Apache-2.0
 *
 * Armv8-M.  A region goes from any multiple of 32 bytes to any other.
 */
#include "mpu.h"

enum {
    MPU_RLAR = 0xE000EDA0,
    MPU_MAIR0 = 0xE000EDC0,
    READ_ONLY = 2 << 1,
    NEVER_EXECUTE = 1,
    ON = 1,
    /* Indices of attributes, and what MAIR0 says of them. */
    MEMORY = 0,
    DEVICE = 1,
    ATTRIBUTES = 0x00AA /* write-through memory; a device */
};

static void add_gate(uint32_t region, uint32_t start, uint32_t bytes, uint32_t access, uint32_t attributes)
{
    select_region(region);
    GROAT_REGISTER(MPU_RBAR) = start | access;
    GROAT_REGISTER(MPU_RLAR) = (start + bytes - 32) | attributes << 1 | ON;
}

void groat_fence(void)
{
    GROAT_REGISTER(MPU_MAIR0) = ATTRIBUTES;
    uint32_t regions = 0;
    for (const groat_gate *gate = groat_gates; gate < groat_gates_end; gate++) {
        uint32_t access = gate->access & GROAT_ACCESS_WRITE ? 0 : READ_ONLY;
        access |= gate->access & GROAT_ACCESS_EXECUTE ? 0 : NEVER_EXECUTE;
        add_gate(regions++, gate->start, gate->end - gate->start, access, MEMORY);
    }
    add_gate(regions, PERIPHERALS, PERIPHERALS_BYTES, NEVER_EXECUTE, DEVICE);
    start_mpu();
    /* Below the stack is no gate.  A stack limit would also count what a function reserves and never touches. */
    __asm__ volatile("msr msplim, %0" : : "r"(0));
}
