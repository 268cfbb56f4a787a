/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash of a board that holds the slots of models.  One implementation is linked.
 */
#ifndef GROAT_FLASH_BOARD_H
#define GROAT_FLASH_BOARD_H

#include <groat/flash.h>

/* Mapped into memory at this address, from its first byte on; aligned to 16 bytes. */
extern const uint8_t *groat_board_flash_start;
extern const groat_flash groat_board_flash;

#endif
