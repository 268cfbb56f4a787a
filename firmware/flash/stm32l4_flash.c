/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash of STM32L4 and L4+ chips with two banks (reference manuals RM0351 and RM0432, chapter 3): pages of 2 KB, or of
 * 4 KB on the L4+, numbered from 0 in each bank.  Double words are written, which have a checksum of their own each.
 */
#include "../port/registers.h"

#define FLASH_START 0x08000000u

_Static_assert(GROAT_FLASH_ERASE_BYTES == 2048 || GROAT_FLASH_ERASE_BYTES == 4096, "a page of an L4 or L4+");
_Static_assert((GROAT_FLASH_ADDRESS - FLASH_START) % GROAT_FLASH_ERASE_BYTES == 0, "slots begin with a page");
_Static_assert(GROAT_FLASH_BYTES % GROAT_FLASH_ERASE_BYTES == 0, "slots end with a page");
_Static_assert(GROAT_FLASH_PROGRAM_BYTES == 8, "double words are written");

enum {
    FLASH_KILOBYTES = 0x1FFF75E0, /* in its lower half */
    ACR = 0x40022000,
    KEYR = ACR + 0x08,
    SR = ACR + 0x10,
    CR = ACR + 0x14,
    SR_ERRORS = 0x3FA, /* all of writing and erasing; those of reading are not its own */
    CR_ALWAYS = 0,
    CR_PAGE = 3,
    CR_SECOND_BANK = 1 << 11
};

static uint32_t sector_bits(uint32_t offset)
{
    uint32_t bank_bytes = (groat_peek(FLASH_KILOBYTES) & 0xFFFF) * 1024 / 2;
    uint32_t at = GROAT_FLASH_ADDRESS - FLASH_START + offset;
    return at < bank_bytes ? at / GROAT_FLASH_ERASE_BYTES << CR_PAGE
                           : (at - bank_bytes) / GROAT_FLASH_ERASE_BYTES << CR_PAGE | CR_SECOND_BANK;
}

#include "stm32_flash.h"
