/* SPDX-License-Identifier: Apache-2.0
 *
 * A device that learns: it opens a model, restores its parameters from flash, a region of memory, trains a step, and
 * commits them.  In the middle of one write the power is lost: then the emulator ends, and what the flash holds goes to
 * the host, who starts the next one with it.
 *
 * In: the write that is cut, the model, the sample, the flash.  Out: the status of the restoration and the parameters that
 * it gave, then the flash; if the power stayed, the status of the commit and its parameters.
 */
#include <groat/store.h>

#include "port.h"

enum {
    EXIT_POWER_LOST = 9
};

static struct {
    uint32_t cut;
    uint32_t unused[3];
    uint8_t model[MODEL_BYTES];
    uint8_t sample[SAMPLE_BYTES];
    uint8_t flash[2 * SLOT_BYTES];
} device __attribute__((aligned(16)));

static uint8_t arena[ARENA_BYTES] __attribute__((aligned(16)));
static groat_t net;

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

static void save_parameters(int32_t status)
{
    uint32_t bytes;
    const void *parameters = groat_parameters(&net, &bytes);
    save(&status, sizeof status);
    save(parameters, bytes);
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
    int32_t status = groat_open(&net, device.model, sizeof device.model, arena, sizeof arena);
    if (status != GROAT_OK) {
        groat_print_hex("the model cannot be opened: ", (uint32_t)status);
        return 1;
    }
    save_parameters(groat_restore(&net, &flash));
    groat_select(&net, groat_find_program(&net, "train_step"));
    uint8_t *input = groat_input(&net, 0);
    for (uint32_t i = 0; i < sizeof device.sample; i++) {
        input[i] = device.sample[i];
    }
    groat_run(&net);
    status = groat_commit(&net, &flash);
    save(device.flash, sizeof device.flash);
    save_parameters(status);
    return GROAT_EXIT_OK;
}
