/* SPDX-License-Identifier: Apache-2.0
 *
 * Trained parameters in flash: a cut of the power at any moment leaves the old ones or the new ones, never a mixture.
 *
 *     static const groat_flash flash = {&chip, 2 * 4096, 4096, 8, 0xFF, read, erase, program};
 *     ...
 *     status = groat_open(&net, ...);
 *     status = groat_restore(&net, &flash);
 *     ... train ...
 *     status = groat_commit(&net, &flash);
 *
 * The flash is cut into two slots, which are written in turn.  A slot begins with a record: which model it is of, a
 * sequence number, and a checksum of all that; parameters follow.  A commit erases the slot that is not the newest,
 * writes the parameters, reads them back, and writes the record last.  Nothing is kept between calls: what is the
 * newest is read from flash each time.
 */
#ifndef GROAT_STORE_H
#define GROAT_STORE_H

#include "flash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The parameters of a model ------------------------------------------------------------------- */

/* Starts from the newest parameters that were committed for this model, or from those it was packed with; what an
 * optimizer remembers starts anew.
 *
 * Returns GROAT_OK if there were committed ones.  With any other status they are those of the file:
 * GROAT_E_STORE_EMPTY, GROAT_E_STORE_MODEL and others as groat_store_restore. */
int groat_restore(const groat_t *net, const groat_flash *flash);

/* Commits the parameters as they are now.  Returns as groat_store_commit; GROAT_E_ARGUMENT if the model trains none. */
int groat_commit(const groat_t *net, const groat_flash *flash);

/* Whose parameters they are: the same for all packed models of the same imported one whose trained tensors are the same,
 * whatever the target, the plan or the version of this library. */
uint32_t groat_identity(const groat_t *net);

/* ---- Any block of memory ------------------------------------------------------------------------- */

/* Flash that two slots of `bytes` bytes of parameters take: what flash->bytes must be at least, of which only the sizes
 * erase_bytes and program_bytes are looked at.  0 if these are no sizes that flash can have, or it is 4 GiB or more. */
uint32_t groat_store_bytes(const groat_flash *flash, uint32_t bytes);

/* Commits parameters.
 *
 *   model         says whose they are: parameters of another model are never restored
 *   parameters    `bytes` bytes, at least one
 *
 * Returns GROAT_OK once they are in flash, read back and complete.  With any other status the parameters that were
 * committed before are still there: GROAT_E_STORE_SIZE if two slots do not fit, GROAT_E_FLASH if the chip refused,
 * GROAT_E_FLASH_WORN if it holds other bytes than were written.  Slots of another model are overwritten, the older
 * first. */
int groat_store_commit(const groat_flash *flash, uint32_t model, const void *parameters, uint32_t bytes);

/* Reads back the newest parameters that were committed for this model and size.
 *
 * Returns GROAT_OK; GROAT_E_STORE_EMPTY if there are none, GROAT_E_STORE_MODEL if there are only those of another model
 * or of another size: then `parameters` is untouched.  GROAT_E_FLASH if the chip could not be read: then `parameters` is
 * undefined. */
int groat_store_restore(const groat_flash *flash, uint32_t model, void *parameters, uint32_t bytes);

/* Forgets all parameters, whatever model they are of, the older first; a cut leaves the newest or none.  Returns
 * GROAT_OK, GROAT_E_FLASH, or GROAT_E_STORE_SIZE if there are no two sectors. */
int groat_store_clear(const groat_flash *flash);

#ifdef __cplusplus
}
#endif

#endif
