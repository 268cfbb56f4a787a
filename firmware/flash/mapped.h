/* SPDX-License-Identifier: Apache-2.0
 *
 * What is the same for all flash that the core reads as memory and writes by words.
 */
#ifndef GROAT_FLASH_MAPPED_H
#define GROAT_FLASH_MAPPED_H

#include "../../runtime/core/op.h"
#include "../port/port.h"
#include "../port/registers.h"
#include "flash.h"

static inline int groat_mapped_read(void *unused, uint32_t offset, void *to, uint32_t bytes)
{
    (void)unused;
    memcpy(to, groat_board_flash_start + offset, bytes);
    return 0;
}

static inline uint32_t groat_word_at(const void *from, uint32_t offset)
{
    uint32_t word;
    memcpy(&word, (const uint8_t *)from + offset, sizeof word);
    return word;
}

#define GROAT_MAPPED_FLASH(erase_function, program_function)                                  \
    const uint8_t *groat_board_flash_start = (const uint8_t *)(uintptr_t)GROAT_FLASH_ADDRESS; \
    const groat_flash groat_board_flash = {                                                   \
        .bytes = GROAT_FLASH_BYTES,                                                           \
        .erase_bytes = GROAT_FLASH_ERASE_BYTES,                                               \
        .program_bytes = GROAT_FLASH_PROGRAM_BYTES,                                           \
        .erased = 0xFF,                                                                       \
        .read = groat_mapped_read,                                                            \
        .erase = (erase_function),                                                            \
        .program = (program_function),                                                        \
    }

#endif
