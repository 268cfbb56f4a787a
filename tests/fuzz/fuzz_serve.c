/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes at all on the serial line of firmware that serves: it goes on, and stays within its memory.  Built with
 * libFuzzer, and with replay.c.
 *
 * What it serves is always what it should: with GROAT_SIGNED the very model that it knows the signature of.
 *
 * An input is a row of items: raw bytes, or a sound frame with the numbers that the firmware waits for, or nearly, since
 * no fuzzer finds checksums.  The files are included, to see those numbers and to begin each input with a fresh start.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define main groat_main
int groat_main(void);
#include "../../firmware/app/main.c"
#undef main
#include "../../firmware/link/link.c"
#include "../../firmware/port/board.c"
#include "../../firmware/serve/models.c"
#include "model.h" /* fuzz.py's: static const uint8_t good_model[] */

enum {
    ARENA_BYTES = 1 << 14,
    FLASH_BYTES = 1 << 13,
    ERASE_BYTES = 256,
    ITEM_RAW = 0, /* then a count, and so many bytes */
    ITEM_FRAME = 1, /* then four bytes that spoil the numbers of a frame, mostly 0, a count, and so many bytes */
    ITEM_REQUEST = 2, /* a command, an argument, a count, and so many bytes, in sound frames */
    ITEM_LOAD = 3, /* sends and serves a model that is in order */
    ITEM_SPOILT =
        4, /* place, which byte is changed (two bytes), how, whether its checksums are made to fit: bits 0, 1 */
    ITEMS = 5
};

static _Alignas(16) uint8_t arena[ARENA_BYTES];
const groat_memory groat_memories[] = {{arena, sizeof arena}};
_Alignas(16) const uint8_t groat_model_start[sizeof(groat_header)];
__asm__(".globl groat_memories_end\n.set groat_memories_end, groat_memories + 16\n"
        ".globl groat_model_end\n.set groat_model_end, groat_model_start + 16\n");

static const uint8_t *next, *end;
static uint8_t line[8192]; /* what comes next over it */
static uint32_t line_at, line_bytes;
static jmp_buf over;
static uint8_t begun;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- What comes ---------------------------------------------------------------------------------- */

static uint8_t draw(void)
{
    return next < end ? *next++ : 0;
}

static void put(uint8_t byte)
{
    if (line_bytes < sizeof line) {
        line[line_bytes++] = byte;
    }
}

static void put_frame(uint8_t kind, const uint8_t spoil[4], const void *payload, uint32_t count)
{
    uint8_t bytes[FRAME_BYTES + 256];
    const groat_frame header = {
        .session = 1 + (spoil[0] & 3u),
        .sequence = (uint16_t)(expected + spoil[1]),
        .next = (uint16_t)(sent + (out.header.bytes > 0) + spoil[2]),
        .bytes = (uint16_t)(count + spoil[3] / 128u),
        .kind = kind,
    };
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, payload, count);
    count += (uint32_t)sizeof header;
    uint32_t crc = groat_crc32(0, bytes, count);
    memcpy(bytes + count, &crc, sizeof crc);
    count += (uint32_t)sizeof crc;
    for (uint32_t at = 0, run; at <= count; at += run + (run < BLOCK_BYTES)) {
        for (run = 0; run < BLOCK_BYTES && at + run < count && bytes[at + run] != 0;) {
            run++;
        }
        put((uint8_t)(run + 1));
        for (uint32_t i = 0; i < run; i++) {
            put(bytes[at + i]);
        }
    }
    put(0);
}

/* A request that is in order is cut into frames as the firmware asks for them. */
static uint8_t request[4096];
static uint32_t request_at, request_bytes;

static void put_request(uint32_t command, uint32_t argument, const void *data, uint32_t count)
{
    const groat_request header = {command, argument, count};
    if (request_bytes + sizeof header + count <= sizeof request) {
        memcpy(request + request_bytes, &header, sizeof header);
        memcpy(request + request_bytes + sizeof header, data, count);
        request_bytes += (uint32_t)sizeof header + count;
    }
}

static void put_model(uint32_t to, const uint8_t *model)
{
    const groat_load wanted = {to, sizeof good_model, groat_crc32(0, model, sizeof good_model)};
    put_request(GROAT_COMMAND_LOAD, 0, &wanted, sizeof wanted);
    put_request(GROAT_COMMAND_DATA, 0, model, sizeof good_model);
    put_request(GROAT_COMMAND_ACTIVATE, 0, "", 0);
}

static void put_spoilt(void)
{
    static _Alignas(16) uint8_t model[sizeof good_model];
    uint32_t to = draw() & 1 ? GROAT_PLACE_SLOT : GROAT_PLACE_RAM;
    uint32_t at = draw() * 256u, fits;
    at = (at + draw()) % sizeof model;
    memcpy(model, good_model, sizeof model);
    model[at] ^= draw();
    fits = draw();
    if (fits & 1) { /* so that all but a signature is in order */
        groat_header *header = (groat_header *)(void *)model;
        uint32_t file_bytes = ((const groat_header *)(const void *)good_model)->file_bytes;
        header->crc32 = groat_crc32(0, model + GROAT_CRC_START, file_bytes - GROAT_CRC_START);
    }
    put_model(to, model);
    if (fits & 2) { /* that is not the one that was announced */
        request[sizeof(groat_request) + offsetof(groat_load, crc)] ^= 1;
    }
}

/* What is served is what was sent in order, whatever else was sent. */
static void check_served(void)
{
    if (place == GROAT_PLACE_NONE || info.open_status != GROAT_OK) {
        return;
    }
    uint32_t bytes = served->file_bytes;
#ifdef GROAT_SIGNED
    if (bytes + GROAT_SIGNATURE_BYTES != sizeof good_model || memcmp(served, good_model, sizeof good_model) != 0) {
        abort();
    }
#else
    if (groat_check_crc(served, bytes) != GROAT_OK) {
        abort();
    }
#endif
}

static void next_item(void)
{
    static const uint8_t sound[4] = {0};
    check_served();
    line_at = line_bytes = 0;
    if (!begun) {
        begun = 1;
        put_frame(GROAT_FRAME_HELLO, sound, sound, 0);
        return;
    }
    if (request_at < request_bytes || out.header.wants == 0) {
        uint32_t left = out.header.wants ? request_bytes - request_at : 0;
        uint32_t count = left < GROAT_FRAME_PAYLOAD ? left : GROAT_FRAME_PAYLOAD;
        put_frame(GROAT_FRAME_DATA, sound, request + request_at, count);
        request_at += count;
        return;
    }
    request_at = request_bytes = 0;
    if (next >= end) {
        longjmp(over, 1);
    }
    uint8_t item = draw() % ITEMS, bytes[256];
    uint8_t spoil[4], command = 0;
    uint32_t argument = 0;
    if (item == ITEM_FRAME) {
        command = draw();
        for (int i = 0; i < 4; i++) {
            spoil[i] = draw();
        }
    } else if (item == ITEM_REQUEST) {
        command = draw() % (GROAT_COMMAND_ROLLBACK + 2);
        argument = draw();
        argument = argument < 0x80 ? argument : argument << 24;
    } else if (item == ITEM_LOAD) {
        put_model(draw() & 1 ? GROAT_PLACE_SLOT : GROAT_PLACE_RAM, good_model);
        return;
    } else if (item == ITEM_SPOILT) {
        put_spoilt();
        return;
    }
    uint32_t count = draw();
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = draw();
    }
    if (item == ITEM_RAW) {
        for (uint32_t i = 0; i < count; i++) {
            put(bytes[i]);
        }
    } else if (item == ITEM_FRAME) {
        put_frame(command & 0x80 ? command : command & 3, spoil, bytes, count);
    } else {
        put_request(command, argument, bytes, count);
    }
}

/* ---- The machine --------------------------------------------------------------------------------- */

void groat_uart_start(void)
{
}

int groat_uart_poll(void)
{
    while (line_at == line_bytes) {
        next_item();
    }
    return line[line_at++];
}

void groat_uart_write(uint8_t byte)
{
    (void)byte;
}

void groat_counter_start(void)
{
}

static _Alignas(16) uint8_t cells[FLASH_BYTES];
const uint8_t *groat_board_flash_start = cells;

static int read_cells(void *unused, uint32_t offset, void *to, uint32_t bytes)
{
    (void)unused;
    memcpy(to, cells + offset, bytes);
    return 0;
}

static int erase(void *unused, uint32_t offset)
{
    (void)unused;
    memset(cells + offset, 0xFF, ERASE_BYTES);
    return 0;
}

static int program(void *unused, uint32_t offset, const void *from, uint32_t bytes)
{
    (void)unused;
    memcpy(cells + offset, from, bytes);
    return 0;
}

const groat_flash groat_board_flash = {
    .bytes = FLASH_BYTES,
    .erase_bytes = ERASE_BYTES,
    .program_bytes = 8,
    .erased = 0xFF,
    .read = read_cells,
    .erase = erase,
    .program = program,
};

groat_cost groat_measure(void (*call)(void *argument), void *argument)
{
    call(argument);
    return (groat_cost){0};
}

uint32_t groat_measure_limit(void)
{
    return 0;
}

void groat_print(const char *text)
{
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    next = data;
    end = data + size;
    begun = 0;
    line_at = line_bytes = request_at = request_bytes = 0;
    memset(arena, 0, sizeof arena);
    memset(cells, 0xFF, sizeof cells);
    memset(&served_slot, 0, sizeof served_slot);
    memset(&update, 0, sizeof update);
    memset(&net, 0, sizeof net);
    memset(&info, 0, sizeof info);
    memset(&load, 0, sizeof load);
    memset(&out, 0, sizeof out);
    session = done = place = taken_bytes = 0;
    sent = expected = 0;
    is_lost = 0;
    served = NULL;
    if (setjmp(over) == 0) {
        (void)groat_main();
    }
    return 0;
}
