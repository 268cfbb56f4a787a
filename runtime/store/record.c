/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of slots in flash.
 */
#include "record.h"

#include "../core/crc.h"
#include "../core/op.h"

uint32_t groat_record_fields(const groat_record *record)
{
    return groat_crc32(0, record, offsetof(groat_record, crc));
}

int groat_record_checksum(const groat_flash *flash, uint32_t offset, uint32_t bytes, uint32_t *crc)
{
    uint8_t chunk[GROAT_FLASH_PROGRAM_MAX];
    offset += groat_record_lead(flash);
    for (uint32_t left = bytes; left > 0;) {
        uint32_t count = left < sizeof chunk ? left : (uint32_t)sizeof chunk;
        GROAT_TRY(groat_flash_read(flash, offset, chunk, count));
        *crc = groat_crc32(*crc, chunk, count);
        offset += count;
        left -= count;
    }
    return GROAT_OK;
}

int groat_record_read(const groat_flash *flash, uint32_t offset, uint32_t magic, groat_record *record)
{
    uint32_t room = groat_record_slot_bytes(flash) - groat_record_lead(flash);
    if (groat_flash_read(flash, offset, record, sizeof *record) != GROAT_OK || record->magic != magic ||
        record->bytes > room) {
        return 0;
    }
    uint32_t crc = groat_record_fields(record);
    return groat_record_checksum(flash, offset, record->bytes, &crc) == GROAT_OK && crc == record->crc;
}

int groat_record_program(const groat_flash *flash, uint32_t offset, const void *from, uint32_t bytes)
{
    uint8_t last[GROAT_FLASH_PROGRAM_MAX];
    uint32_t rest = bytes % flash->program_bytes, whole = bytes - rest;
    if (whole > 0) {
        GROAT_TRY(groat_flash_program(flash, offset, from, whole));
    }
    if (rest == 0) {
        return GROAT_OK;
    }
    memset(last, GROAT_FLASH_PADDING, flash->program_bytes);
    memcpy(last, (const uint8_t *)from + whole, rest);
    return groat_flash_program(flash, offset + whole, last, flash->program_bytes);
}

int groat_record_write(const groat_flash *flash, uint32_t offset, const groat_record *record)
{
    groat_record written;
    GROAT_TRY(groat_record_program(flash, offset, record, sizeof *record));
    return groat_record_read(flash, offset, record->magic, &written) && written.crc == record->crc ? GROAT_OK
                                                                                                   : GROAT_E_FLASH_WORN;
}
