/* SPDX-License-Identifier: Apache-2.0
 *
 * Flash as the caller's port gives it, for parameters (store.h) and samples (replay.h).
 */
#ifndef GROAT_FLASH_H
#define GROAT_FLASH_H

#include "groat.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    GROAT_FLASH_PROGRAM_MAX = 256 /* the most that program_bytes may be */
};

/* Flash as the caller's port gives it: whole sectors from offset 0 on, which nothing else writes.  The functions return
 * 0, or anything else if the chip could not do it, and come back when it is done. */
typedef struct groat_flash {
    void *context;              /* given to the functions */
    uint32_t bytes;             /* of all sectors */
    uint32_t erase_bytes;       /* of a sector */
    uint32_t program_bytes;     /* what is written at once: a power of two, at most GROAT_FLASH_PROGRAM_MAX */
    uint8_t erased;             /* what erased bytes are read as, 0xFF mostly; if it is wrong, more is erased */
    /* Any bytes, to memory of any alignment.  Flash that is mapped into memory is copied from there. */
    int (*read)(void *context, uint32_t offset, void *to, uint32_t bytes);
    /* The sector that begins at `offset`. */
    int (*erase)(void *context, uint32_t offset);
    /* `offset` and `bytes` are multiples of program_bytes; erased before, and programmed once between two erasures. */
    int (*program)(void *context, uint32_t offset, const void *from, uint32_t bytes);
} groat_flash;

#ifdef __cplusplus
}
#endif

#endif
