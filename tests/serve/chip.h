/* SPDX-License-Identifier: Apache-2.0
 *
 * The registers of chip.c's chip, in the place of firmware/port/registers.h's.
 */
#ifndef GROAT_TESTS_CHIP_H
#define GROAT_TESTS_CHIP_H

#include <stdint.h>

uint32_t groat_peek(uint32_t address);
void groat_poke(uint32_t address, uint32_t value);

static inline void groat_barrier(void)
{
}

#endif
