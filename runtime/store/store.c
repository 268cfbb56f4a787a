/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters in two slots of flash.  The slot with the newest ones is not touched while the other one is written.
 */
#include "../include/groat/store.h"
#include "../core/crc.h"
#include "../core/op.h"
#include "record.h"

enum {
    RECORD_MAGIC = 0x50524F47 /* the bytes G O R P */
};

typedef struct slot {
    uint32_t offset; /* in flash */
    groat_record record;
    uint8_t valid;
    uint8_t own; /* valid, of this model and of this size */
} slot;

uint32_t groat_store_bytes(const groat_flash *flash, uint32_t bytes)
{
    if (flash == NULL || !groat_flash_has_sizes(flash)) {
        return 0;
    }
    uint64_t sectors = ((uint64_t)groat_record_lead(flash) + bytes + flash->erase_bytes - 1) / flash->erase_bytes;
    uint64_t all = GROAT_RECORD_SLOTS * sectors * flash->erase_bytes;
    return all <= UINT32_MAX ? (uint32_t)all : 0;
}

static int check_flash(const groat_flash *flash)
{
    GROAT_TRY(groat_flash_check(flash));
    return groat_record_slot_bytes(flash) > 0 ? GROAT_OK : GROAT_E_STORE_SIZE;
}

static int check_arguments(const groat_flash *flash, const void *parameters, uint32_t bytes)
{
    GROAT_TRY(check_flash(flash));
    if (parameters == NULL || bytes == 0) {
        return GROAT_E_ARGUMENT;
    }
    uint32_t needed = groat_store_bytes(flash, bytes);
    return needed > 0 && needed <= flash->bytes ? GROAT_OK : GROAT_E_STORE_SIZE;
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static slot look(const groat_flash *flash, uint32_t index, uint32_t model, uint32_t bytes)
{
    slot s = {.offset = index * groat_record_slot_bytes(flash)};
    s.valid = (uint8_t)groat_record_read(flash, s.offset, RECORD_MAGIC, &s.record);
    s.own = s.valid && s.record.model == model && s.record.bytes == bytes;
    return s;
}

/* The newest of this model first, then the newest of any, then what is no slot. */
static void look_at_both(const groat_flash *flash, uint32_t model, uint32_t bytes, slot slots[GROAT_RECORD_SLOTS])
{
    slot a = look(flash, 0, model, bytes), b = look(flash, 1, model, bytes);
    int rank_a = a.valid + a.own, rank_b = b.valid + b.own;
    int b_first = rank_a != rank_b ? rank_b > rank_a : (int32_t)(b.record.sequence - a.record.sequence) > 0;
    slots[0] = b_first ? b : a;
    slots[1] = b_first ? a : b;
}

int groat_store_restore(const groat_flash *flash, uint32_t model, void *parameters, uint32_t bytes)
{
    GROAT_TRY(check_arguments(flash, parameters, bytes));
    slot slots[GROAT_RECORD_SLOTS];
    look_at_both(flash, model, bytes, slots);
    if (!slots[0].own) {
        return slots[0].valid ? GROAT_E_STORE_MODEL : GROAT_E_STORE_EMPTY;
    }
    GROAT_TRY(groat_flash_read(flash, slots[0].offset + groat_record_lead(flash), parameters, bytes));
    /* Cells that are about to fail may give another answer each time. */
    return groat_crc32(groat_record_fields(&slots[0].record), parameters, bytes) == slots[0].record.crc ? GROAT_OK
                                                                                                        : GROAT_E_FLASH;
}

/* ---- Writing ------------------------------------------------------------------------------------- */

int groat_store_commit(const groat_flash *flash, uint32_t model, const void *parameters, uint32_t bytes)
{
    GROAT_TRY(check_arguments(flash, parameters, bytes));
    slot slots[GROAT_RECORD_SLOTS];
    look_at_both(flash, model, bytes, slots);
    uint32_t offset = slots[1].offset, crc;
    groat_record r = {RECORD_MAGIC, model, slots[0].own ? slots[0].record.sequence + 1 : 0, bytes, 0};
    r.crc = groat_crc32(groat_record_fields(&r), parameters, bytes);

    GROAT_TRY(groat_flash_erase(flash, offset, groat_record_slot_bytes(flash))); /* the sector of the record first */
    GROAT_TRY(groat_record_program(flash, offset + groat_record_lead(flash), parameters, bytes));
    crc = groat_record_fields(&r);
    GROAT_TRY(groat_record_checksum(flash, offset, bytes, &crc));
    if (crc != r.crc) {
        return GROAT_E_FLASH_WORN;
    }
    return groat_record_write(flash, offset, &r);
}

int groat_store_clear(const groat_flash *flash)
{
    GROAT_TRY(check_flash(flash));
    slot slots[GROAT_RECORD_SLOTS];
    look_at_both(flash, 0, 0, slots);
    GROAT_TRY(groat_flash_erase(flash, slots[1].offset, groat_record_slot_bytes(flash)));
    return groat_flash_erase(flash, slots[0].offset, groat_record_slot_bytes(flash));
}
