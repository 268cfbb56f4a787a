/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V: physical memory protection, locked, so that it binds machine mode too.  Entry 0 is start-up's: the page below
 * the stack.  A gate takes two entries, one that only says where it begins and one up to its end.
 */
#include "fence.h"

enum {
    ENTRIES = 16,
    LOCKED = 1 << 7,
    UP_TO = 1 << 3,     /* from the address of the entry before */
    EVERYWHERE = 3 << 3 /* of an address whose bits are all set */
};

#define WRITE(csr, value) __asm__ volatile("csrw " csr ", %0" : : "r"(value))

void groat_fence(void)
{
    uint32_t addresses[ENTRIES] = {0}, settings[ENTRIES / 4] = {0};
    uint32_t entry = 1;
    if (groat_gates_end - groat_gates > (ENTRIES - 2) / 2) {
        groat_fence_too_small();
    }
    for (const groat_gate *gate = groat_gates; gate < groat_gates_end; gate++) {
        addresses[entry++] = gate->start >> 2;
        addresses[entry] = gate->end >> 2;
        settings[entry / 4] |= (LOCKED | UP_TO | gate->access) << entry % 4 * 8;
        entry++;
    }
    addresses[entry] = UINT32_MAX;
    settings[entry / 4] |= (uint32_t)(LOCKED | EVERYWHERE) << entry % 4 * 8;
    /* What is locked ignores being written; all addresses come before what locks them. */
    WRITE("pmpaddr1", addresses[1]);
    WRITE("pmpaddr2", addresses[2]);
    WRITE("pmpaddr3", addresses[3]);
    WRITE("pmpaddr4", addresses[4]);
    WRITE("pmpaddr5", addresses[5]);
    WRITE("pmpaddr6", addresses[6]);
    WRITE("pmpaddr7", addresses[7]);
    WRITE("pmpaddr8", addresses[8]);
    WRITE("pmpaddr9", addresses[9]);
    WRITE("pmpaddr10", addresses[10]);
    WRITE("pmpaddr11", addresses[11]);
    WRITE("pmpaddr12", addresses[12]);
    WRITE("pmpaddr13", addresses[13]);
    WRITE("pmpaddr14", addresses[14]);
    WRITE("pmpaddr15", addresses[15]);
    WRITE("pmpcfg0", settings[0]);
    WRITE("pmpcfg1", settings[1]);
    WRITE("pmpcfg2", settings[2]);
    WRITE("pmpcfg3", settings[3]);
}
