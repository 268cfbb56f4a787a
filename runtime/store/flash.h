/* SPDX-License-Identifier: Apache-2.0
 *
 * What all that is kept in flash asks of it.
 */
#ifndef GROAT_STORE_FLASH_H
#define GROAT_STORE_FLASH_H

#include <stddef.h>

#include "../include/groat/flash.h"

enum {
    GROAT_FLASH_PADDING = 0xFF /* behind the end of what is written */
};

static inline int groat_flash_has_sizes(const groat_flash *flash)
{
    uint32_t unit = flash->program_bytes;
    return unit > 0 && unit <= GROAT_FLASH_PROGRAM_MAX && (unit & (unit - 1)) == 0 && flash->erase_bytes > 0 &&
           flash->erase_bytes % unit == 0;
}

static inline int groat_flash_check(const groat_flash *flash)
{
    int is_sound = flash != NULL && flash->read != NULL && flash->erase != NULL && flash->program != NULL &&
                   groat_flash_has_sizes(flash);
    return is_sound ? GROAT_OK : GROAT_E_ARGUMENT;
}

static inline int groat_flash_read(const groat_flash *flash, uint32_t offset, void *to, uint32_t bytes)
{
    return flash->read(flash->context, offset, to, bytes) == 0 ? GROAT_OK : GROAT_E_FLASH;
}

static inline int groat_flash_program(const groat_flash *flash, uint32_t offset, const void *from, uint32_t bytes)
{
    return flash->program(flash->context, offset, from, bytes) == 0 ? GROAT_OK : GROAT_E_FLASH;
}

/* Sectors that follow each other. */
static inline int groat_flash_erase(const groat_flash *flash, uint32_t offset, uint32_t bytes)
{
    for (uint32_t done = 0; done < bytes; done += flash->erase_bytes) {
        if (flash->erase(flash->context, offset + done) != 0) {
            return GROAT_E_FLASH;
        }
    }
    return GROAT_OK;
}

#endif
