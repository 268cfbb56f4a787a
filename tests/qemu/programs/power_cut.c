/* SPDX-License-Identifier: Apache-2.0
 *
 * A device with flash, a region of memory, whose power is lost in the middle of a write: then the emulator ends, and what
 * the flash holds goes to the host, who starts the next one with it.
 *
 * In: the command, number of the step that is cut, the parameters, the flash.  Out: the status if the power stayed, and
 * the parameters if so, after the flash.
 */
#include <groat/store.h>

#include "port.h"

enum {
    COMMIT = 1,
    RESTORE = 2,
    EXIT_POWER_LOST = 9,
    MODEL = 0x600DF00D
};

static struct {
    uint32_t command;
    uint32_t cut;
    uint8_t parameters[PARAMETERS_BYTES];
    uint8_t flash[2 * SLOT_BYTES];
} device;

static uint32_t steps;
static uint32_t noise;

static void save(const void *data, uint32_t bytes)
{
    if (groat_channel_write(data, bytes) != 0) {
        groat_exit(GROAT_EXIT_CHANNEL);
    }
}

/* One step of the chip: all of it, or some bits of it and the end. */
static void write(uint32_t offset, const uint8_t *from, uint32_t bytes)
{
    int is_cut = steps++ == device.cut;
    for (uint32_t i = 0; i < bytes; i++) {
        noise = noise * 1664525u + 1013904223u;
        uint8_t done = is_cut ? (uint8_t)(noise >> 24) : 0xFF;
        uint8_t *cell = device.flash + offset + i;
        *cell = (uint8_t)((*cell & ~done) | (from[i] & done));
    }
    if (is_cut) {
        save(device.flash, sizeof device.flash);
        groat_exit(EXIT_POWER_LOST);
    }
}

static int read_flash(void *unused, uint32_t offset, void *to, uint32_t bytes)
{
    (void)unused;
    for (uint32_t i = 0; i < bytes; i++) {
        ((uint8_t *)to)[i] = device.flash[offset + i];
    }
    return 0;
}

static int erase_flash(void *unused, uint32_t offset)
{
    static uint8_t erased[ERASE_BYTES];
    (void)unused;
    for (uint32_t i = 0; i < sizeof erased; i++) {
        erased[i] = 0xFF;
    }
    write(offset, erased, sizeof erased);
    return 0;
}

static int program_flash(void *unused, uint32_t offset, const void *from, uint32_t bytes)
{
    (void)unused;
    for (uint32_t i = 0; i < bytes; i += PROGRAM_BYTES) {
        write(offset + i, (const uint8_t *)from + i, PROGRAM_BYTES);
    }
    return 0;
}

int main(void)
{
    const groat_flash flash = {.bytes = sizeof device.flash,
                               .erase_bytes = ERASE_BYTES,
                               .program_bytes = PROGRAM_BYTES,
                               .erased = 0xFF,
                               .read = read_flash,
                               .erase = erase_flash,
                               .program = program_flash};
    if (groat_channel_open() != 0 || groat_channel_read(&device, sizeof device) != 0) {
        return GROAT_EXIT_CHANNEL;
    }
    noise = device.cut;
    int32_t status = device.command == COMMIT
                         ? groat_store_commit(&flash, MODEL, device.parameters, sizeof device.parameters)
                         : groat_store_restore(&flash, MODEL, device.parameters, sizeof device.parameters);
    save(device.flash, sizeof device.flash);
    save(&status, sizeof status);
    save(device.parameters, sizeof device.parameters);
    return GROAT_EXIT_OK;
}
