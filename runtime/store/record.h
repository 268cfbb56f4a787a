/* SPDX-License-Identifier: Apache-2.0
 *
 * Two slots in flash that are written in turn, each with a record that is written last.
 *
 * Whatever an interrupted write or erasure leaves behind is told from a slot by its checksum alone, so that nothing is
 * assumed about torn bytes.
 */
#ifndef GROAT_STORE_RECORD_H
#define GROAT_STORE_RECORD_H

#include "flash.h"

enum {
    GROAT_RECORD_SLOTS = 2,
    GROAT_RECORD_ROOM = 32 /* contents begin behind it, or behind what is programmed at once */
};

/* What a slot begins with. */
typedef struct groat_record {
    uint32_t magic; /* says what kind of contents */
    uint32_t model; /* whose */
    uint32_t sequence; /* one more than that of the other slot; it may come round to 0 */
    uint32_t bytes; /* of contents */
    uint32_t crc; /* of the fields before, then of the contents */
} groat_record;

/* From the start of a slot to its contents; a multiple of 16, as programmed units are powers of two. */
static inline uint32_t groat_record_lead(const groat_flash *flash)
{
    return flash->program_bytes > GROAT_RECORD_ROOM ? flash->program_bytes : GROAT_RECORD_ROOM;
}

/* Of one of the two slots, which share the sectors evenly. */
static inline uint32_t groat_record_slot_bytes(const groat_flash *flash)
{
    return flash->bytes / flash->erase_bytes / GROAT_RECORD_SLOTS * flash->erase_bytes;
}

/* The checksum of the fields before it. */
uint32_t groat_record_fields(const groat_record *record);

/* Reads the checksum of `bytes` bytes of contents of the slot at `offset`, behind what `crc` is the checksum of. */
int groat_record_checksum(const groat_flash *flash, uint32_t offset, uint32_t bytes, uint32_t *crc);

/* Reads the record of the slot at `offset`, and its contents: 1 if it is whole and of this kind.  A slot that cannot be
 * read is none: a chip with error correction refuses to read what a cut has torn. */
int groat_record_read(const groat_flash *flash, uint32_t offset, uint32_t magic, groat_record *record);

/* Any number of bytes; what follows up to the next multiple of program_bytes is padding. */
int groat_record_program(const groat_flash *flash, uint32_t offset, const void *from, uint32_t bytes);

/* Completes a slot: writes its record, and reads all of it again. */
int groat_record_write(const groat_flash *flash, uint32_t offset, const groat_record *record);

#endif
