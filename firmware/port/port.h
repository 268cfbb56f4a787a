/* SPDX-License-Identifier: Apache-2.0
 *
 * What the firmware needs from the machine below it: a way out, a way to the host's files, a counter, and
 * the borders of memory.  One implementation of each is linked; none of the code above knows which.
 */
#ifndef GROAT_PORT_H
#define GROAT_PORT_H

#include <stdint.h>

#include <groat/groat.h>

/* ---- Memory: addresses that the linker script defines ------------------------------------------ */

extern uint32_t groat_stack_limit[]; /* the lowest word of the stack */
extern uint32_t groat_stack_top[];
extern const groat_memory groat_memories[]; /* for the regions of a model */
extern const groat_memory groat_memories_end[];
extern const uint8_t groat_model_start[]; /* aligned to 16 bytes */
extern const uint8_t groat_model_end[]; /* of the room for a model, which may be larger than the model */

/* ---- Leaving, and a last word ------------------------------------------------------------------ */

enum groat_exit {
    GROAT_EXIT_OK = 0,
    GROAT_EXIT_CHANNEL = 2, /* the host's files could not be opened, read or written */
    GROAT_EXIT_FAULT = 3    /* the processor refused to go on */
};

/* Ends the program, and an emulator with it. */
_Noreturn void groat_exit(int code);

void groat_print(const char *text);

/* Prints `text`, then `value` as 0x and eight hexadecimal digits. */
void groat_print_hex(const char *text, uint32_t value);

/* ---- A channel to the host: bytes, each way ----------------------------------------------------- */

/* Each returns 0, or -1 when the other side is gone; then all do until groat_channel_renew. */
int groat_channel_open(void);
int groat_channel_read(void *bytes, uint32_t count);
int groat_channel_write(const void *bytes, uint32_t count);

/* Returns 0 if there is another host to listen to, which knows nothing of what was said before; else -1. */
int groat_channel_renew(void);

/* ---- A board ------------------------------------------------------------------------------------- */

/* A board's C file may define these; they do nothing where none does: set up clocks and pins before anything else of the
 * server; are called over and over while it waits for the host, and while it works: between the steps of a model, its rows,
 * and sectors of flash. */
void groat_board_start(void);
void groat_board_wait(void);
void groat_board_work(void);

/* What the server calls: the board's, its watchdog's and its light's (port/board.c). */
void groat_start(void);
void groat_wait(void);
void groat_work(void);

/* A watchdog that resets the device when it is not fed: a file of firmware/watchdog. */
void groat_watchdog_start(void);
void groat_watchdog_feed(void);

/* A light (firmware/light). */
void groat_light_start(void);
void groat_light_wait(void);
void groat_light_work(void);

/* ---- A counter of executed instructions -------------------------------------------------------- */

/* It counts time; an emulator that runs a fixed number of instructions to the second makes that a count of
 * instructions, and the target's description says how many ticks one takes. */
void groat_counter_start(void);
uint64_t groat_counter_read(void);

/* Ticks since an earlier read; right as long as the counter has not come round to that value again. */
uint64_t groat_counter_since(uint64_t earlier);

#endif
