/* SPDX-License-Identifier: Apache-2.0
 *
 * Models in flash, in two slots: an update writes the one that is not used, and whatever interrupts it, a whole model is
 * left.
 *
 *     groat_slot slot;
 *     if (groat_slot_find(&flash, 0, &slot) == GROAT_OK) {
 *         status = groat_open(&net, flash_address + slot.offset, slot.bytes, arena, sizeof arena);
 *     }
 *     ...
 *     status = groat_slot_begin(&flash, &slot, bytes, &update);
 *     ... for each piece that comes: status = groat_slot_write(&flash, &update, piece, piece_bytes);
 *     status = groat_slot_check(&flash, &update, crc);
 *     ... groat_open there, too: then it will ...
 *     status = groat_slot_commit(&flash, &update);
 *
 * A slot begins with a record, which an update writes last, of a sequence number and a checksum of all; the model follows,
 * aligned to 16 bytes.  Nothing is kept between calls but what the caller holds.  If flash is not mapped into memory, the
 * caller copies the model from there.
 */
#ifndef GROAT_SLOTS_H
#define GROAT_SLOTS_H

#include "flash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model in flash, or one that is being written. */
typedef struct groat_slot {
    uint32_t offset; /* of the model in flash */
    uint32_t bytes; /* of the model; of one that is being written, so many will come */
    uint32_t sequence; /* the larger, the newer; it may come round to 0 */
    uint32_t done; /* of one that is being written: so many came */
} groat_slot;

/* The largest model that fits, in bytes; 0 if there are no two sectors. */
uint32_t groat_slot_room(const groat_flash *flash);

/* The newest model that is whole (rank 0), or the other one (rank 1).  Reads all of it.  Returns GROAT_OK,
 * GROAT_E_NO_MODEL, or GROAT_E_ARGUMENT if the flash has no sizes. */
int groat_slot_find(const groat_flash *flash, uint32_t rank, groat_slot *slot);

/* Begins a model of `bytes` bytes: erases the slot that `keep`, the model in use, does not lie in; if that is null, the
 * one that is not the newest.  Returns GROAT_OK, GROAT_E_LOAD_SIZE, GROAT_E_FLASH or GROAT_E_ARGUMENT. */
int groat_slot_begin(const groat_flash *flash, const groat_slot *keep, uint32_t bytes, groat_slot *update);

/* Writes the next bytes of it: a multiple of program_bytes, or all the rest.  Returns GROAT_OK, GROAT_E_LOAD_ORDER if it is
 * neither, or GROAT_E_FLASH. */
int groat_slot_write(const groat_flash *flash, groat_slot *update, const void *from, uint32_t bytes);

/* Reads all of it back.  Returns GROAT_OK if it came whole and has that CRC-32; else GROAT_E_LOAD_ORDER, GROAT_E_CRC or
 * GROAT_E_FLASH. */
int groat_slot_check(const groat_flash *flash, const groat_slot *update, uint32_t crc);

/* Writes its record: from now on it is the newest.  With any status but GROAT_OK it is not, or once it is found, it is
 * whole. */
int groat_slot_commit(const groat_flash *flash, const groat_slot *update);

/* Forgets a model: the other one, if there is one, is then the newest.  Returns GROAT_OK or GROAT_E_FLASH. */
int groat_slot_forget(const groat_flash *flash, const groat_slot *slot);

#ifdef __cplusplus
}
#endif

#endif
