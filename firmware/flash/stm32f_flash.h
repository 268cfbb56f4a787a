/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash of STM32F4 and F7 chips (reference manuals RM0090 and RM0385, chapter 3): sectors of three sizes, of which the
 * smallest, GROAT_FLASH_UNIT, tells the others: four of one unit, one of four, then all of eight.  Slots lie in sectors of
 * one size.  The supply has at least 2.7 V, so that words are written.  A large sector takes seconds.
 */
#ifndef GROAT_STM32F_FLASH_H
#define GROAT_STM32F_FLASH_H

#include <stdint.h>

#define FLASH_START 0x08000000u
#define FIRST_UNIT ((GROAT_FLASH_ADDRESS - FLASH_START) / GROAT_FLASH_UNIT)
#define END_UNIT ((GROAT_FLASH_ADDRESS + GROAT_FLASH_BYTES - FLASH_START) / GROAT_FLASH_UNIT)
#define IN_SMALL_SECTORS (GROAT_FLASH_ERASE_BYTES == GROAT_FLASH_UNIT && END_UNIT <= 4)
#define IN_LARGE_SECTORS (GROAT_FLASH_ERASE_BYTES == 8 * GROAT_FLASH_UNIT && FIRST_UNIT >= 8 && END_UNIT <= 64)

_Static_assert(IN_SMALL_SECTORS || IN_LARGE_SECTORS,
               "slots lie in the first four sectors, or behind the fifth and in the first twelve");
_Static_assert((GROAT_FLASH_ADDRESS - FLASH_START) % GROAT_FLASH_ERASE_BYTES == 0, "slots begin with a sector");
_Static_assert(GROAT_FLASH_BYTES % GROAT_FLASH_ERASE_BYTES == 0, "slots end with a sector");
_Static_assert(GROAT_FLASH_PROGRAM_BYTES == 4, "words are written");

enum {
    ACR = 0x40023C00,
    KEYR = ACR + 0x04,
    SR = ACR + 0x0C,
    CR = ACR + 0x10,
    SR_ERRORS = 0xF2,    /* operation, write protection, alignment, parallelism, sequence */
    CR_ALWAYS = 2 << 8, /* words */
    CR_SECTOR = 3
};

static uint32_t sector_bits(uint32_t offset)
{
    uint32_t unit = (GROAT_FLASH_ADDRESS - FLASH_START + offset) / GROAT_FLASH_UNIT;
    return (unit < 4 ? unit : 4 + unit / 8) << CR_SECTOR;
}

#include "stm32_flash.h"

#endif
