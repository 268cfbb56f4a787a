/* SPDX-License-Identifier: Apache-2.0
 *
 * This computer as a board: the serving firmware's machine, with its serial line on standard input and output, and flash
 * that is a file, GROAT_FLASH.  In write number GROAT_CUT, counted from 0, the power is lost: some bits of it are done, and
 * the program ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/mman.h>

#include "../../firmware/app/measure.h"
#include "../../firmware/flash/flash.h"
#include "../../firmware/port/port.h"
#include "../../firmware/uart/uart.h"

enum {
    ARENA_BYTES = 1 << 20,
    FAST_BYTES = 1 << 16,
    FLASH_BYTES = 1 << 18,
    ERASE_BYTES = 4096,
    PROGRAM_BYTES = 256,
    POWER_LOST = 9
};

static _Alignas(16) uint8_t arena[ARENA_BYTES], fast[FAST_BYTES];
const groat_memory groat_memories[] = {{arena, sizeof arena}, {fast, sizeof fast}};
/* As the linker script of a device: no room for a model in the image. */
_Alignas(16) const uint8_t groat_model_start[16];
__asm__(".globl groat_memories_end\n.set groat_memories_end, groat_memories + 32\n"
        ".globl groat_model_end\n.set groat_model_end, groat_model_start + 16\n");

static uint8_t input[4096];
static size_t input_at, input_bytes;
static uint8_t output[4096];
static size_t output_bytes;

void groat_uart_start(void)
{
}

static void flush(void)
{
    for (size_t at = 0; at < output_bytes;) {
        ssize_t count = write(STDOUT_FILENO, output + at, output_bytes - at);
        if (count <= 0) {
            exit(1);
        }
        at += (size_t)count;
    }
    output_bytes = 0;
}

/* Waits; ends with the other side. */
int groat_uart_poll(void)
{
    if (input_at == input_bytes) {
        flush();
        ssize_t count = read(STDIN_FILENO, input, sizeof input);
        if (count <= 0) {
            exit(0);
        }
        input_at = 0;
        input_bytes = (size_t)count;
    }
    return input[input_at++];
}

void groat_uart_write(uint8_t byte)
{
    if (output_bytes == sizeof output) {
        flush();
    }
    output[output_bytes++] = byte;
}

void groat_counter_start(void)
{
}

groat_cost groat_measure(void (*call)(void *argument), void *argument)
{
    call(argument);
    return (groat_cost){.ticks = 1, .stack_bytes = 1, .depth_bytes = 1};
}

uint32_t groat_measure_limit(void)
{
    return 2;
}

/* As a board's: between frames. */
void groat_print(const char *text)
{
    while (*text != 0) {
        groat_uart_write((uint8_t)*text++);
    }
}

/* ---- Flash --------------------------------------------------------------------------------------- */

const uint8_t *groat_board_flash_start;
static uint8_t *cells;
static uint32_t noise = 1;
static long writes, cut = -1;

void groat_board_start(void)
{
    const char *name = getenv("GROAT_FLASH"), *when = getenv("GROAT_CUT");
    int file = name != NULL ? open(name, O_RDWR) : -1;
    cells = file >= 0 ? mmap(NULL, FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    if (cells == MAP_FAILED) {
        perror("GROAT_FLASH");
        exit(2);
    }
    groat_board_flash_start = cells;
    cut = when != NULL ? atol(when) : -1;
}

static void write_cells(uint32_t offset, const uint8_t *from, uint32_t bytes, int erases)
{
    int is_cut = writes++ == cut;
    for (uint32_t i = 0; i < bytes; i++) {
        uint8_t new = erases ? 0xFF : (uint8_t)(cells[offset + i] & from[i]), all = 0xFF;
        noise = noise * 1664525u + 1013904223u;
        uint8_t done = is_cut ? (uint8_t)(noise >> 24) : all;
        cells[offset + i] = (uint8_t)((cells[offset + i] & ~done) | (new & done));
    }
    if (is_cut) {
        _exit(POWER_LOST);
    }
}

static int read_flash(void *unused, uint32_t offset, void *to, uint32_t bytes)
{
    (void)unused;
    memcpy(to, cells + offset, bytes);
    return 0;
}

static int erase(void *unused, uint32_t offset)
{
    (void)unused;
    write_cells(offset, NULL, ERASE_BYTES, 1);
    return 0;
}

static int program(void *unused, uint32_t offset, const void *from, uint32_t bytes)
{
    (void)unused;
    for (uint32_t at = 0; at < bytes; at += PROGRAM_BYTES) {
        write_cells(offset + at, (const uint8_t *)from + at, PROGRAM_BYTES, 0);
    }
    return 0;
}

const groat_flash groat_board_flash = {
    .bytes = FLASH_BYTES,
    .erase_bytes = ERASE_BYTES,
    .program_bytes = PROGRAM_BYTES,
    .erased = 0xFF,
    .read = read_flash,
    .erase = erase,
    .program = program,
};
