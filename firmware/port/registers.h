/* SPDX-License-Identifier: Apache-2.0
 *
 * Registers by their addresses.  Tests put a model of the chip in their place, by GROAT_REGISTERS_FILE.
 */
#ifndef GROAT_REGISTERS_H
#define GROAT_REGISTERS_H

#include <stdint.h>

#ifdef GROAT_REGISTERS_FILE
#include GROAT_REGISTERS_FILE
#else
static inline uint32_t groat_peek(uint32_t address)
{
    return *(const volatile uint32_t *)(uintptr_t)address;
}

static inline void groat_poke(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)address = value;
}

/* What was written before it has arrived. */
static inline void groat_barrier(void)
{
#if defined(__arm__)
    __asm__ volatile("dsb" : : : "memory");
#elif defined(__riscv)
    __asm__ volatile("fence iorw, iorw" : : : "memory");
#endif
}
#endif

#endif
