/* SPDX-License-Identifier: Apache-2.0
 *
 * This computer as a board: the serving firmware's machine, with its serial line on standard input and output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../firmware/app/measure.h"
#include "../../firmware/port/port.h"
#include "../../firmware/uart/uart.h"

enum {
    ARENA_BYTES = 1 << 20,
    FAST_BYTES = 1 << 16
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
