/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash controllers of real chips as their manuals describe them, strict: what a manual forbids ends the program.  A
 * driver of firmware/flash keeps models in slots there.  CHIP says which: F4, F7, L4, NRF.
 *
 * Where a chip has a cache before its flash, the memory that the driver reads shows what was written only when that cache
 * was told to forget it.
 */
#define _GNU_SOURCE
#include "chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "../../firmware/flash/flash.h"
#include "../../firmware/port/port.h"
#include "../../runtime/core/crc.h"
#include "../../runtime/core/op.h"
#include "../../runtime/include/groat/slots.h"

#define F4 1
#define F7 2
#define L4 3
#define NRF 4

enum {
    BUSY_READS = 3, /* for so many the controller says that it is busy */
    KILOBYTE = 1024,
    SLOT_SECTORS = GROAT_FLASH_BYTES / GROAT_FLASH_ERASE_BYTES / 2,
    FIRST_BYTES = SLOT_SECTORS * GROAT_FLASH_ERASE_BYTES - 300, /* of models; not round */
    SECOND_BYTES = 5000
};

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            printf("chip.c:%d: not as it should be: %s\n", __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

static uint8_t cells[GROAT_FLASH_BYTES]; /* what the flash holds */
static uint8_t *seen; /* what reading it gives */
static uint32_t busy, errors, fails_after = UINT32_MAX, works, erased_sectors;

static int is_cell(uint32_t address)
{
    return address >= GROAT_FLASH_ADDRESS && address - GROAT_FLASH_ADDRESS < GROAT_FLASH_BYTES;
}

static void show(uint32_t address, uint32_t bytes)
{
    memcpy(seen + (address - GROAT_FLASH_ADDRESS), cells + (address - GROAT_FLASH_ADDRESS), bytes);
}

/* Returns 0 if the chip fails at it. */
static int works_now(void)
{
    CHECK(busy == 0);
    busy = BUSY_READS;
    return works++ < fails_after;
}

static void erase_cells(uint32_t address, uint32_t bytes)
{
    CHECK(is_cell(address) && is_cell(address + bytes - 1) && bytes == GROAT_FLASH_ERASE_BYTES);
    if (works_now()) {
        memset(cells + (address - GROAT_FLASH_ADDRESS), 0xFF, bytes);
        erased_sectors++;
    } else {
        errors |= 1u << 4;
    }
}

static void write_cells(uint32_t address, uint64_t value, uint32_t bytes)
{
    uint8_t *at = cells + (address - GROAT_FLASH_ADDRESS);
    CHECK(is_cell(address) && address % bytes == 0);
    for (uint32_t i = 0; i < bytes; i++) {
        CHECK(at[i] == 0xFF || (CHIP == NRF && errors)); /* none is written twice; an nRF does not tell what failed */
    }
    if (works_now()) {
        for (uint32_t i = 0; i < bytes; i++) {
            at[i] &= (uint8_t)(value >> 8 * i);
        }
    } else {
        errors |= 1u << 4;
    }
}

#if CHIP == NRF
/* ---- nRF ------------------------------------------------------------------------------------------- */

static uint32_t config;

uint32_t groat_peek(uint32_t address)
{
    CHECK(address == 0x4001E400);
    busy -= busy > 0;
    return busy == 0;
}

void groat_poke(uint32_t address, uint32_t value)
{
    CHECK(busy == 0);
    if (address == 0x4001E504) {
        CHECK(value <= 2);
        config = value;
    } else if (address == 0x4001E508) {
        CHECK(config == 2);
        erase_cells(value, GROAT_FLASH_ERASE_BYTES);
        show(value, GROAT_FLASH_ERASE_BYTES);
    } else {
        CHECK(config == 1);
        write_cells(address, value, 4);
        show(address, 4);
    }
}

#else
/* ---- STM32 ----------------------------------------------------------------------------------------- */

#if CHIP == L4
enum {
    BASE = 0x40022000,
    KEYR = BASE + 0x08,
    SR = BASE + 0x10,
    CR = BASE + 0x14,
    CR_NUMBER = 0x7F8 | 1 << 11,
    CR_ALLOWED = 0x10803 | CR_NUMBER,
    CR_WIDTH = 0 /* always double words */
};
#else
enum {
    BASE = 0x40023C00,
    KEYR = BASE + 0x04,
    SR = BASE + 0x0C,
    CR = BASE + 0x10,
    CR_NUMBER = 0x78,
    CR_ALLOWED = 0x10303 | CR_NUMBER,
    CR_WIDTH = 0x200 /* 32 bits */
};
#endif
enum {
    ACR = BASE,
    PROGRAM = 1,
    ERASE = 2,
    START = 1 << 16,
    CACHE = 1 << 10,
    CACHE_RESET = 1 << 12
};

static uint32_t control, keys, acr = CHIP == F7 ? 0 : CACHE | 5;
static int is_open;
static uint64_t first_half;
static uint32_t first_address;

/* Start and size of the sector that CR names, by the tables of the manuals. */
static uint32_t sector(uint32_t *bytes)
{
    uint32_t number = control >> 3 & (CHIP == L4 ? 0xFF : 0xF);
#if CHIP == L4
    *bytes = GROAT_FLASH_ERASE_BYTES;
    return 0x08000000 + (control & 1 << 11 ? CHIP_KILOBYTES / 2 * KILOBYTE : 0) + number * *bytes;
#else
    static const uint32_t f4[12] = {16, 16, 16, 16, 64, 128, 128, 128, 128, 128, 128, 128};
    static const uint32_t f7[8] = {32, 32, 32, 32, 128, 256, 256, 256};
    const uint32_t *kilobytes = CHIP == F4 ? f4 : f7;
    uint32_t start = 0x08000000;
    CHECK(number < (CHIP == F4 ? 12 : 8));
    for (uint32_t i = 0; i < number; i++) {
        start += kilobytes[i] * KILOBYTE;
    }
    *bytes = kilobytes[number] * KILOBYTE;
    return start;
#endif
}

uint32_t groat_peek(uint32_t address)
{
    switch (address) {
    case SR:
        busy -= busy > 0;
        return (uint32_t)(busy > 0) << 16 | errors;
    case CR:
        return control | (is_open ? 0 : 1u << 31);
    case ACR:
        return acr;
    case 0xE000ED14:
        return CHIP == F7 ? 1 << 16 : 0;
    default:
        CHECK(CHIP == L4 && address == 0x1FFF75E0);
        return 0xFFFF0000u | CHIP_KILOBYTES;
    }
}

static void poke_control(uint32_t value)
{
    CHECK(is_open && busy == 0);
    if (value == 1u << 31) {
        is_open = 0;
        control = 0;
        return;
    }
    CHECK((value & ~(uint32_t)CR_ALLOWED) == 0 && (CHIP == L4 || (value & 0x300) == CR_WIDTH));
    CHECK(((value & PROGRAM) != 0) != ((value & ERASE) != 0));
    CHECK(!(value & START) || (control == (value & ~(uint32_t)START) && value & ERASE));
    control = value & ~(uint32_t)START;
    if (value & START) {
        uint32_t bytes, start = sector(&bytes);
        CHECK(errors == 0);
        erase_cells(start, bytes);
    }
}

static void poke_cells(uint32_t address, uint32_t value)
{
    CHECK(is_open && control & PROGRAM && errors == 0);
#if CHIP == L4
    if (address % 8 == 0) {
        CHECK(first_address == 0);
        first_half = value;
        first_address = address;
        return;
    }
    CHECK(address == first_address + 4);
    write_cells(first_address, first_half | (uint64_t)value << 32, 8);
    first_address = 0;
#else
    (void)first_half;
    (void)first_address;
    write_cells(address, value, 4);
#endif
}

void groat_poke(uint32_t address, uint32_t value)
{
    static const uint32_t wanted[2] = {0x45670123, 0xCDEF89AB};
    switch (address) {
    case KEYR:
        CHECK(!is_open && value == wanted[keys % 2]);
        is_open = keys++ % 2;
        break;
    case SR:
        errors &= ~value;
        break;
    case CR:
        poke_control(value);
        break;
    case ACR:
        CHECK((value & ~(uint32_t)(CACHE | CACHE_RESET)) == (acr & ~(uint32_t)(CACHE | CACHE_RESET)));
        CHECK(!(value & CACHE_RESET) || !(value & CACHE)); /* it is reset while it is off */
        if (value & CACHE_RESET) {
            show(GROAT_FLASH_ADDRESS, GROAT_FLASH_BYTES);
        }
        acr = value;
        break;
    case 0xE000EF70:
        CHECK(CHIP == F7 && value % 32 == 0);
        if (is_cell(value)) {
            show(value, 32);
        }
        break;
    default:
        poke_cells(address, value);
    }
}
#endif

/* ---- Models in slots --------------------------------------------------------------------------------- */

static uint32_t pauses;

void groat_work(void)
{
    pauses++;
}

static uint8_t model_of(uint32_t seed, uint32_t i)
{
    return (uint8_t)((i * 2654435761u + seed) >> 13);
}

static int update(uint32_t seed, uint32_t bytes)
{
    groat_slot slot;
    uint8_t piece[512];
    uint32_t crc = 0;
    GROAT_TRY(groat_slot_begin(&groat_board_flash, NULL, bytes, &slot));
    for (uint32_t at = 0, count; at < bytes; at += count) {
        count = bytes - at < sizeof piece ? bytes - at : (uint32_t)sizeof piece;
        for (uint32_t i = 0; i < count; i++) {
            piece[i] = model_of(seed, at + i);
        }
        crc = groat_crc32(crc, piece, count);
        GROAT_TRY(groat_slot_write(&groat_board_flash, &slot, piece, count));
    }
    GROAT_TRY(groat_slot_check(&groat_board_flash, &slot, crc));
    return groat_slot_commit(&groat_board_flash, &slot);
}

static int holds(uint32_t rank, uint32_t seed, uint32_t bytes)
{
    groat_slot slot;
    if (groat_slot_find(&groat_board_flash, rank, &slot) != GROAT_OK || slot.bytes != bytes) {
        return 0;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        if (groat_board_flash_start[slot.offset + i] != model_of(seed, i)) {
            return 0;
        }
    }
    return 1;
}

int main(void)
{
    void *where = (void *)(uintptr_t)GROAT_FLASH_ADDRESS;
    seen = mmap(where, GROAT_FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                0);
    CHECK(seen == where);
    memset(cells, 0xA5, sizeof cells); /* nothing that means something */
    memcpy(seen, cells, sizeof cells);
    CHECK(update(1, FIRST_BYTES) == GROAT_OK && holds(0, 1, FIRST_BYTES));
    CHECK(update(2, SECOND_BYTES) == GROAT_OK && holds(0, 2, SECOND_BYTES) && holds(1, 1, FIRST_BYTES));
    CHECK(update(3, SECOND_BYTES) == GROAT_OK && holds(0, 3, SECOND_BYTES) && holds(1, 2, SECOND_BYTES));
    CHECK(pauses == erased_sectors && pauses == 3 * SLOT_SECTORS);
    /* A chip that fails at a sector, or at the words behind it: the model before is there, and the next try works. */
    for (uint32_t after = 0; after < 3; after++) {
        fails_after = works + after * SLOT_SECTORS;
        CHECK(update(4, SECOND_BYTES) != GROAT_OK);
        fails_after = UINT32_MAX;
        errors = CHIP == NRF ? 0 : errors;
        CHECK(holds(0, 3, SECOND_BYTES));
    }
    CHECK(update(4, SECOND_BYTES) == GROAT_OK && holds(0, 4, SECOND_BYTES) && holds(1, 3, SECOND_BYTES));
    printf("all is well\n");
    return 0;
}
