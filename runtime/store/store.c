/* SPDX-License-Identifier: Apache-2.0
 *
 * Two slots in flash, written in turn, the record of a slot last.
 *
 * Whatever an interrupted write or erasure leaves behind is told from a slot by its checksum alone, so that nothing is
 * assumed about torn bytes.  The slot with the newest parameters is not touched while the other one is written.
 */
#include "../include/groat/store.h"
#include "../core/crc.h"
#include "../core/op.h"
#include "flash.h"

enum {
    SLOTS = 2,
    RECORD_MAGIC = 0x50524F47, /* the bytes G O R P */
    RECORD_ROOM = 32, /* parameters begin behind it, or behind what is programmed at once */
};

/* What a slot begins with. */
typedef struct record {
    uint32_t magic;
    uint32_t model;
    uint32_t sequence; /* one more than that of the other slot; it may come round to 0 */
    uint32_t bytes; /* of parameters */
    uint32_t crc; /* of the fields before, then of the parameters */
} record;

typedef struct slot {
    uint32_t offset; /* in flash */
    record record;
    uint8_t valid;
    uint8_t own; /* valid, of this model and of this size */
} slot;

/* From the start of a slot to its parameters. */
static uint32_t lead_of(const groat_flash *flash)
{
    return flash->program_bytes > RECORD_ROOM ? flash->program_bytes : RECORD_ROOM;
}

uint32_t groat_store_bytes(const groat_flash *flash, uint32_t bytes)
{
    if (flash == NULL || !groat_flash_has_sizes(flash)) {
        return 0;
    }
    uint64_t sectors = ((uint64_t)lead_of(flash) + bytes + flash->erase_bytes - 1) / flash->erase_bytes;
    uint64_t all = SLOTS * sectors * flash->erase_bytes;
    return all <= UINT32_MAX ? (uint32_t)all : 0;
}

/* Of one of the two slots, which share the sectors evenly. */
static uint32_t slot_bytes(const groat_flash *flash)
{
    return flash->bytes / flash->erase_bytes / SLOTS * flash->erase_bytes;
}

static int check_flash(const groat_flash *flash)
{
    GROAT_TRY(groat_flash_check(flash));
    return slot_bytes(flash) > 0 ? GROAT_OK : GROAT_E_STORE_SIZE;
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

static uint32_t fields_crc(const record *r)
{
    return groat_crc32(0, r, offsetof(record, crc));
}

/* The checksum of a slot's parameters behind that of its record's fields. */
static int checksum(const groat_flash *flash, uint32_t slot_offset, const record *r, uint32_t *crc)
{
    uint8_t chunk[GROAT_FLASH_PROGRAM_MAX];
    uint32_t offset = slot_offset + lead_of(flash);
    *crc = fields_crc(r);
    for (uint32_t left = r->bytes; left > 0;) {
        uint32_t count = left < sizeof chunk ? left : (uint32_t)sizeof chunk;
        GROAT_TRY(groat_flash_read(flash, offset, chunk, count));
        *crc = groat_crc32(*crc, chunk, count);
        offset += count;
        left -= count;
    }
    return GROAT_OK;
}

/* What a slot holds.  A slot that cannot be read is one without parameters: a chip with error correction refuses to read
 * what a cut has torn. */
static slot look(const groat_flash *flash, uint32_t index, uint32_t model, uint32_t bytes)
{
    uint32_t room = slot_bytes(flash) - lead_of(flash), crc = 0;
    slot s = {.offset = index * slot_bytes(flash)};
    s.valid = groat_flash_read(flash, s.offset, &s.record, sizeof s.record) == GROAT_OK &&
              s.record.magic == RECORD_MAGIC && s.record.bytes <= room &&
              checksum(flash, s.offset, &s.record, &crc) == GROAT_OK && crc == s.record.crc;
    s.own = s.valid && s.record.model == model && s.record.bytes == bytes;
    return s;
}

/* The newest of this model first, then the newest of any, then what is no slot. */
static void look_at_both(const groat_flash *flash, uint32_t model, uint32_t bytes, slot slots[SLOTS])
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
    slot slots[SLOTS];
    look_at_both(flash, model, bytes, slots);
    if (!slots[0].own) {
        return slots[0].valid ? GROAT_E_STORE_MODEL : GROAT_E_STORE_EMPTY;
    }
    GROAT_TRY(groat_flash_read(flash, slots[0].offset + lead_of(flash), parameters, bytes));
    /* Cells that are about to fail may give another answer each time. */
    return groat_crc32(fields_crc(&slots[0].record), parameters, bytes) == slots[0].record.crc ? GROAT_OK
                                                                                               : GROAT_E_FLASH;
}

/* ---- Writing ------------------------------------------------------------------------------------- */

/* Any number of bytes; what follows up to the next multiple of program_bytes is padding. */
static int program(const groat_flash *flash, uint32_t offset, const void *from, uint32_t bytes)
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

int groat_store_commit(const groat_flash *flash, uint32_t model, const void *parameters, uint32_t bytes)
{
    GROAT_TRY(check_arguments(flash, parameters, bytes));
    slot slots[SLOTS];
    look_at_both(flash, model, bytes, slots);
    uint32_t offset = slots[1].offset, crc;
    record r = {RECORD_MAGIC, model, slots[0].own ? slots[0].record.sequence + 1 : 0, bytes, 0};
    r.crc = groat_crc32(fields_crc(&r), parameters, bytes);

    GROAT_TRY(groat_flash_erase(flash, offset, slot_bytes(flash))); /* the sector of the record first */
    GROAT_TRY(program(flash, offset + lead_of(flash), parameters, bytes));
    GROAT_TRY(checksum(flash, offset, &r, &crc));
    if (crc != r.crc) {
        return GROAT_E_FLASH_WORN;
    }
    GROAT_TRY(program(flash, offset, &r, sizeof r));
    slot written = look(flash, offset > 0, model, bytes);
    return written.own && written.record.crc == r.crc ? GROAT_OK : GROAT_E_FLASH_WORN;
}

int groat_store_clear(const groat_flash *flash)
{
    GROAT_TRY(check_flash(flash));
    slot slots[SLOTS];
    look_at_both(flash, 0, 0, slots);
    GROAT_TRY(groat_flash_erase(flash, slots[1].offset, slot_bytes(flash)));
    return groat_flash_erase(flash, slots[0].offset, slot_bytes(flash));
}
