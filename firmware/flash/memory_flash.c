/* SPDX-License-Identifier: Apache-2.0
 *
 * A stretch of an emulator's memory as if it were flash; a file behind it keeps it while the device is off.
 */
#include "../../runtime/core/op.h"
#include "flash.h"

static uint8_t *const cells = (uint8_t *)GROAT_FLASH_ADDRESS;

static int read_cells(void *unused, uint32_t offset, void *to, uint32_t bytes)
{
    (void)unused;
    memcpy(to, cells + offset, bytes);
    return 0;
}

static int erase_sector(void *unused, uint32_t offset)
{
    (void)unused;
    memset(cells + offset, 0xFF, GROAT_FLASH_ERASE_BYTES);
    return 0;
}

/* As flash does, it only clears bits. */
static int program(void *unused, uint32_t offset, const void *from, uint32_t bytes)
{
    (void)unused;
    for (uint32_t i = 0; i < bytes; i++) {
        cells[offset + i] &= ((const uint8_t *)from)[i];
    }
    return 0;
}

const uint8_t *groat_board_flash_start = (const uint8_t *)GROAT_FLASH_ADDRESS;
const groat_flash groat_board_flash = {
    .bytes = GROAT_FLASH_BYTES,
    .erase_bytes = GROAT_FLASH_ERASE_BYTES,
    .program_bytes = GROAT_FLASH_PROGRAM_BYTES,
    .erased = 0xFF,
    .read = read_cells,
    .erase = erase_sector,
    .program = program,
};
