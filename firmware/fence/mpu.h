/* SPDX-License-Identifier: Apache-2.0
 *
 * What the memory protection units of Armv7-M and Armv8-M have in common.
 */
#ifndef GROAT_MPU_H
#define GROAT_MPU_H

#include "fence.h"

#define GROAT_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

enum {
    MPU_TYPE = 0xE000ED90,
    MPU_CTRL = 0xE000ED94,
    MPU_RNR = 0xE000ED98,
    MPU_RBAR = 0xE000ED9C,
    PERIPHERALS = 0x40000000, /* on every Cortex-M */
    PERIPHERALS_BYTES = 0x20000000
};

/* Registers RBAR and what follows it are then those of this region. */
static inline void select_region(uint32_t region)
{
    if (region == (GROAT_REGISTER(MPU_TYPE) >> 8 & 0xFF)) {
        groat_fence_too_small();
    }
    GROAT_REGISTER(MPU_RNR) = region;
}

/* Without the default map behind the regions. */
static inline void start_mpu(void)
{
    GROAT_REGISTER(MPU_CTRL) = 1;
    __asm__ volatile("dsb\n isb" : : : "memory");
}

#endif
