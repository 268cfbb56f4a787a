/* SPDX-License-Identifier: Apache-2.0
 *
 * What the flash of STM32 chips has in common: the keys that open it, writing and erasing, and caches before it that do
 * not notice.  The core waits while it runs from the bank that is written.
 *
 * The file that includes this has defined the registers ACR, KEYR, SR and CR, SR_ERRORS, CR_ALWAYS, and
 *     static uint32_t sector_bits(uint32_t offset)     those of CR that name the sector at an offset in the slots
 */
#ifndef GROAT_STM32_FLASH_H
#define GROAT_STM32_FLASH_H

#include "mapped.h"

enum {
    ACR_DATA_CACHE = 1 << 10, /* chips without this cache do not have the bits */
    ACR_DATA_CACHE_RESET = 1 << 12,
    SR_BUSY = 1 << 16,
    CR_PROGRAM = 1 << 0,
    CR_ERASE = 1 << 1,
    CR_START = 1 << 16,
};
#define CR_LOCK (1u << 31)
#define KEY_1 0x45670123u
#define KEY_2 0xCDEF89ABu

/* Returns -1 if what was done since it was opened failed. */
static int wait(void)
{
    while (groat_peek(SR) & SR_BUSY) {
    }
    return groat_peek(SR) & SR_ERRORS ? -1 : 0;
}

static void open_for(uint32_t what)
{
    if (groat_peek(CR) & CR_LOCK) {
        groat_poke(KEYR, KEY_1);
        groat_poke(KEYR, KEY_2);
    }
    groat_poke(SR, SR_ERRORS); /* of another time; ones clear them */
    groat_poke(CR, what);
}

/* Whatever of it lies in caches is read anew. */
static void forget(uint32_t address, uint32_t bytes)
{
    uint32_t was = groat_peek(ACR), off = was & ~(uint32_t)ACR_DATA_CACHE;
    if (was != off) { /* the flash's own, which is reset while it is off */
        groat_poke(ACR, off);
        groat_poke(ACR, off | ACR_DATA_CACHE_RESET);
        groat_poke(ACR, was);
    }
#define CCR 0xE000ED14u
#define CLEAN_AND_INVALIDATE 0xE000EF70u
    enum {
        CCR_DATA_CACHE = 1 << 16,
        LINE_BYTES = 32
    };
    if (groat_peek(CCR) & CCR_DATA_CACHE) { /* the core's, of a Cortex-M7 */
        for (uint32_t line = address - address % LINE_BYTES; line < address + bytes; line += LINE_BYTES) {
            groat_poke(CLEAN_AND_INVALIDATE, line);
        }
        groat_barrier();
    }
}

static int close_after(int result, uint32_t offset, uint32_t bytes)
{
    groat_poke(CR, CR_LOCK);
    forget(GROAT_FLASH_ADDRESS + offset, bytes);
    return result;
}

static int erase(void *unused, uint32_t offset)
{
    (void)unused;
    groat_work();
    uint32_t what = CR_ERASE | CR_ALWAYS | sector_bits(offset);
    open_for(what);
    groat_poke(CR, what | CR_START);
    groat_barrier();
    return close_after(wait(), offset, GROAT_FLASH_ERASE_BYTES);
}

static int program(void *unused, uint32_t offset, const void *from, uint32_t bytes)
{
    (void)unused;
    int result = 0;
    open_for(CR_PROGRAM | CR_ALWAYS);
    for (uint32_t at = 0; at < bytes && result == 0;) {
        for (uint32_t end = at + GROAT_FLASH_PROGRAM_BYTES; at < end; at += 4) {
            groat_poke(GROAT_FLASH_ADDRESS + offset + at, groat_word_at(from, at));
        }
        groat_barrier();
        result = wait();
    }
    return close_after(result, offset, bytes);
}

GROAT_MAPPED_FLASH(erase, program);

#endif
