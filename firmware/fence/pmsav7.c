/* SPDX-License-Identifier: Apache-2.0
 *
 * Armv7-M.  A region is a power of two that lies at a multiple of itself; each eighth of it may be left out.  So a
 * gate takes one region for every three bits of its length.
 */
#include "mpu.h"

enum {
    MPU_RASR = 0xE000EDA0,
    PARTS = 8, /* of a region */
    SMALLEST_PART = 32,
    READ_ONLY = 6 << 24,
    READ_WRITE = 3 << 24,
    NEVER_EXECUTE = 1 << 28,
    MEMORY = 1 << 17,
    DEVICE = 1 << 16,
    ON = 1
};

static uint32_t highest_bit(uint32_t value)
{
    return 31u - (uint32_t)__builtin_clz(value);
}

/* Returns the number of regions with those that it adds. */
static uint32_t add_gate(uint32_t regions, uint32_t start, uint32_t bytes, uint32_t attributes)
{
    while (bytes > 0) {
        /* Large, but so that four parts or more fill the gate, and that it begins with a part. */
        uint32_t part = 1u << highest_bit(bytes) >> 2;
        part = part < SMALLEST_PART ? SMALLEST_PART : part;
        while (start % part != 0) {
            part /= 2;
        }
        uint32_t before = start % (PARTS * part) / part; /* parts of the region that are in front of the gate */
        uint32_t parts = bytes / part < PARTS - before ? bytes / part : PARTS - before;
        uint32_t left_out = 0xFFu & ~(((1u << parts) - 1) << before);
        select_region(regions++);
        GROAT_REGISTER(MPU_RBAR) = start - before * part;
        GROAT_REGISTER(MPU_RASR) = attributes | left_out << 8 | (highest_bit(PARTS * part) - 1) << 1 | ON;
        start += parts * part;
        bytes -= parts * part;
    }
    return regions;
}

void groat_fence(void)
{
    GROAT_REGISTER(MPU_CTRL) = 0; /* start-up has a region in it */
    uint32_t regions = 0;
    for (const groat_gate *gate = groat_gates; gate < groat_gates_end; gate++) {
        uint32_t access = gate->access & GROAT_ACCESS_WRITE ? READ_WRITE : READ_ONLY;
        access |= gate->access & GROAT_ACCESS_EXECUTE ? 0 : NEVER_EXECUTE;
        regions = add_gate(regions, gate->start, gate->end - gate->start, MEMORY | access);
    }
    add_gate(regions, PERIPHERALS, PERIPHERALS_BYTES, DEVICE | READ_WRITE | NEVER_EXECUTE);
    start_mpu();
}
