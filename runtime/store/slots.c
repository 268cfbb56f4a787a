/* SPDX-License-Identifier: Apache-2.0
 *
 * Models in two slots of flash.
 */
#include "../include/groat/slots.h"

#include "../core/crc.h"
#include "../core/op.h"
#include "record.h"

enum {
    RECORD_MAGIC = 0x4D524F47 /* the bytes G O R M */
};

/* From the start of the flash to a slot. */
static uint32_t start_of(const groat_flash *flash, const groat_slot *slot)
{
    return slot->offset - groat_record_lead(flash);
}

static groat_record record_of(const groat_slot *slot)
{
    return (groat_record){RECORD_MAGIC, 0, slot->sequence, slot->bytes, 0};
}

/* The model in slot `index`: 1 if one is there. */
static int look(const groat_flash *flash, uint32_t index, groat_slot *slot)
{
    groat_record record;
    uint32_t start = index * groat_record_slot_bytes(flash);
    if (!groat_record_read(flash, start, RECORD_MAGIC, &record)) {
        return 0;
    }
    *slot = (groat_slot){start + groat_record_lead(flash), record.bytes, record.sequence, record.bytes};
    return 1;
}

uint32_t groat_slot_room(const groat_flash *flash)
{
    if (groat_flash_check(flash) != GROAT_OK || groat_record_slot_bytes(flash) <= groat_record_lead(flash)) {
        return 0;
    }
    return groat_record_slot_bytes(flash) - groat_record_lead(flash);
}

int groat_slot_find(const groat_flash *flash, uint32_t rank, groat_slot *slot)
{
    if (groat_slot_room(flash) == 0 || slot == NULL) {
        return GROAT_E_ARGUMENT;
    }
    groat_slot found[GROAT_RECORD_SLOTS];
    uint32_t count = 0;
    for (uint32_t index = 0; index < GROAT_RECORD_SLOTS; index++) {
        count += (uint32_t)look(flash, index, &found[count]);
    }
    if (rank >= count) {
        return GROAT_E_NO_MODEL;
    }
    uint32_t newest = count == GROAT_RECORD_SLOTS && (int32_t)(found[1].sequence - found[0].sequence) > 0;
    *slot = found[rank == 0 ? newest : 1 - newest];
    return GROAT_OK;
}

int groat_slot_begin(const groat_flash *flash, const groat_slot *keep, uint32_t bytes, groat_slot *update)
{
    groat_slot newest;
    if (groat_slot_room(flash) == 0 || update == NULL || bytes == 0) {
        return GROAT_E_ARGUMENT;
    }
    if (bytes > groat_slot_room(flash)) {
        return GROAT_E_LOAD_SIZE;
    }
    int is_first = groat_slot_find(flash, 0, &newest) != GROAT_OK;
    if (keep == NULL && !is_first) {
        keep = &newest;
    }
    uint32_t start = keep != NULL && start_of(flash, keep) == 0 ? groat_record_slot_bytes(flash) : 0;
    *update = (groat_slot){start + groat_record_lead(flash), bytes, is_first ? 0 : newest.sequence + 1, 0};
    return groat_flash_erase(flash, start, groat_record_slot_bytes(flash)); /* the sector of the record first */
}

int groat_slot_write(const groat_flash *flash, groat_slot *update, const void *from, uint32_t bytes)
{
    uint32_t left = update->bytes - update->done;
    if (bytes > left || (bytes < left && bytes % flash->program_bytes != 0)) {
        return GROAT_E_LOAD_ORDER;
    }
    GROAT_TRY(groat_record_program(flash, update->offset + update->done, from, bytes));
    update->done += bytes;
    return GROAT_OK;
}

int groat_slot_check(const groat_flash *flash, const groat_slot *update, uint32_t crc)
{
    if (update->done != update->bytes) {
        return GROAT_E_LOAD_ORDER;
    }
    uint32_t found = 0;
    GROAT_TRY(groat_record_checksum(flash, start_of(flash, update), update->bytes, &found));
    return found == crc ? GROAT_OK : GROAT_E_CRC;
}

int groat_slot_commit(const groat_flash *flash, const groat_slot *update)
{
    groat_record record = record_of(update);
    record.crc = groat_record_fields(&record);
    GROAT_TRY(groat_record_checksum(flash, start_of(flash, update), update->bytes, &record.crc));
    return groat_record_write(flash, start_of(flash, update), &record);
}

int groat_slot_forget(const groat_flash *flash, const groat_slot *slot)
{
    return groat_flash_erase(flash, start_of(flash, slot), flash->erase_bytes);
}
