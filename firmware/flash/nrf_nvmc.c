/* SPDX-License-Identifier: Apache-2.0
 *
 * The non-volatile memory controller of the nRF51 and nRF52 (nRF51 Series Reference Manual, chapter 6; nRF52840 Product
 * Specification, chapter 4.3).  Pages have 1 KB on the nRF51 and 4 KB on the nRF52; words are written, the core waits.
 */
#include "mapped.h"

_Static_assert(GROAT_FLASH_ERASE_BYTES == 1024 || GROAT_FLASH_ERASE_BYTES == 4096, "a page of an nRF51 or nRF52");
_Static_assert(GROAT_FLASH_ADDRESS % GROAT_FLASH_ERASE_BYTES == 0, "slots begin with a page");
_Static_assert(GROAT_FLASH_PROGRAM_BYTES == 4, "words are written");

enum {
    NVMC = 0x4001E000,
    READY = NVMC + 0x400,
    CONFIG = NVMC + 0x504,
    ERASE_PAGE = NVMC + 0x508,
    CONFIG_READ = 0,
    CONFIG_WRITE = 1,
    CONFIG_ERASE = 2
};

static void wait(void)
{
    while ((groat_peek(READY) & 1) == 0) {
    }
}

static int erase(void *unused, uint32_t offset)
{
    (void)unused;
    groat_work();
    groat_poke(CONFIG, CONFIG_ERASE);
    groat_poke(ERASE_PAGE, GROAT_FLASH_ADDRESS + offset);
    wait();
    groat_poke(CONFIG, CONFIG_READ);
    return 0;
}

static int program(void *unused, uint32_t offset, const void *from, uint32_t bytes)
{
    (void)unused;
    groat_poke(CONFIG, CONFIG_WRITE);
    for (uint32_t at = 0; at < bytes; at += 4) {
        groat_poke(GROAT_FLASH_ADDRESS + offset + at, groat_word_at(from, at));
        wait();
    }
    groat_poke(CONFIG, CONFIG_READ);
    return 0;
}

GROAT_MAPPED_FLASH(erase, program);
