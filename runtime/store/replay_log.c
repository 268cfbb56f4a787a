/* SPDX-License-Identifier: Apache-2.0
 *
 * A replay buffer in flash: a log of samples, whose places are written in turn.
 *
 * A place holds a record, then the elements.  The checksum covers the model and how elements are meant, too, so that what
 * others have written is no sample; nor is what a cut has torn.
 */
#include "../core/crc.h"
#include "../core/op.h"
#include "flash.h"
#include "samples.h"

enum {
    CHUNK = GROAT_FLASH_PROGRAM_MAX,
    TRIES = 16 /* of drawing a place at random */
};

/* What a place begins with. */
typedef struct record {
    uint32_t sequence; /* one more than that of the sample before; it may come round to 0 */
    int32_t label;
    uint32_t crc; /* of what_is_meant, the fields before, the elements */
} record;

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t offset_of(const groat_replay_log *log, uint32_t place)
{
    return place / log->block_places * log->block_bytes + place % log->block_places * log->place_bytes;
}

static uint32_t after(const groat_replay_log *log, uint32_t place)
{
    return place + 1 < log->config.capacity ? place + 1 : 0;
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static uint32_t crc_before_elements(const groat_replay_log *log, const record *r)
{
    const struct {
        uint32_t model;
        uint32_t elements;
        float scale;
        int32_t zero_point;
    } what_is_meant = {log->model, log->config.elements, log->config.scale, log->config.zero_point};
    return groat_crc32(groat_crc32(0, &what_is_meant, sizeof what_is_meant), r, offsetof(record, crc));
}

/* The record of a place; 0 if there is no sample in it. */
static int find(const groat_replay_log *log, uint32_t place, record *r)
{
    uint8_t chunk[CHUNK];
    uint32_t offset = offset_of(log, place), elements = log->config.elements;
    if (groat_flash_read(log->flash, offset, r, sizeof *r) != GROAT_OK) {
        return 0;
    }
    uint32_t crc = crc_before_elements(log, r);
    for (uint32_t first = 0, count; first < elements; first += count) {
        count = smaller(elements - first, CHUNK);
        if (groat_flash_read(log->flash, offset + (uint32_t)sizeof *r + first, chunk, count) != GROAT_OK) {
            return 0;
        }
        crc = groat_crc32(crc, chunk, count);
    }
    return crc == r->crc;
}

/* Whether nothing was written to a place since it was erased. */
static int is_blank(const groat_replay_log *log, uint32_t place)
{
    uint8_t chunk[CHUNK];
    for (uint32_t done = 0, count; done < log->place_bytes; done += count) {
        count = smaller(log->place_bytes - done, CHUNK);
        if (groat_flash_read(log->flash, offset_of(log, place) + done, chunk, count) != GROAT_OK) {
            return 0;
        }
        for (uint32_t i = 0; i < count; i++) {
            if (chunk[i] != log->flash->erased) {
                return 0;
            }
        }
    }
    return 1;
}

int groat_replay_log_get(const groat_replay_log *log, uint32_t place, uint8_t dtype, void *sample, int32_t *label)
{
    int8_t chunk[CHUNK];
    record r;
    if (!groat_is_sample(dtype)) {
        return GROAT_E_DTYPE;
    }
    if (place >= log->config.capacity) {
        return GROAT_E_ARGUMENT;
    }
    if (!find(log, place, &r)) {
        return GROAT_E_REPLAY_EMPTY;
    }
    *label = r.label;
    uint32_t offset = offset_of(log, place) + (uint32_t)sizeof r, elements = log->config.elements;
    for (uint32_t first = 0, count; first < elements; first += count) {
        count = smaller(elements - first, CHUNK);
        GROAT_TRY(groat_flash_read(log->flash, offset + first, chunk, count));
        groat_give(&log->config, chunk, dtype, sample, first, count);
    }
    return GROAT_OK;
}

int groat_replay_log_draw(groat_replay_log *log, uint32_t *place)
{
    record r;
    if (log->count == 0) {
        return GROAT_E_REPLAY_EMPTY;
    }
    for (uint32_t i = 0; i < TRIES; i++) {
        *place = groat_random_below(&log->random, log->used);
        if (find(log, *place, &r)) {
            return GROAT_OK;
        }
    }
    /* Hardly any place has a sample: the next one that has. */
    for (uint32_t i = 0; i < log->used; i++) {
        *place = *place + 1 < log->used ? *place + 1 : 0;
        if (find(log, *place, &r)) {
            return GROAT_OK;
        }
    }
    return GROAT_E_REPLAY_EMPTY;
}

uint32_t groat_replay_log_count(const groat_replay_log *log)
{
    return log->count;
}

uint32_t groat_replay_log_places(const groat_replay_log *log)
{
    return log->config.capacity;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

/* How places lie: several in a sector, or one in several. */
static int lay_out(groat_replay_log *log)
{
    const groat_flash *flash = log->flash;
    uint64_t bytes = sizeof(record) + (uint64_t)log->config.elements;
    bytes = (bytes + flash->program_bytes - 1) / flash->program_bytes * flash->program_bytes;
    uint64_t sectors = (bytes + flash->erase_bytes - 1) / flash->erase_bytes;
    uint64_t blocks = flash->bytes / (sectors * flash->erase_bytes);
    if (blocks < 2) {
        return GROAT_E_STORE_SIZE;
    }
    log->place_bytes = (uint32_t)bytes;
    log->block_bytes = (uint32_t)sectors * flash->erase_bytes;
    log->block_places = log->block_bytes / log->place_bytes;
    log->config.capacity = (uint32_t)blocks * log->block_places;
    return GROAT_OK;
}

int groat_replay_log_open(groat_replay_log *log, const groat_flash *flash, uint32_t model,
                          const groat_replay_config *config)
{
    if (log == NULL || config == NULL || config->policy > GROAT_REPLAY_RING) {
        return GROAT_E_ARGUMENT;
    }
    GROAT_TRY(groat_check_samples(config));
    GROAT_TRY(groat_flash_check(flash));
    memset(log, 0, sizeof *log);
    log->flash = flash;
    log->config = *config;
    log->model = model;
    GROAT_TRY(lay_out(log));
    record r;
    for (uint32_t place = 0; place < log->config.capacity; place++) {
        if (!find(log, place, &r)) {
            continue;
        }
        log->count++;
        log->used = place + 1;
        if (log->count == 1 || (int32_t)(r.sequence + 1 - log->sequence) > 0) {
            log->sequence = r.sequence + 1;
            log->next = after(log, place);
        }
    }
    while (log->next % log->block_places != 0 && !is_blank(log, log->next)) {
        log->next = after(log, log->next); /* torn */
    }
    log->random = groat_random_of(config->seed, log->sequence); /* not the same choices after each start */
    return GROAT_OK;
}

/* ---- Writing ------------------------------------------------------------------------------------- */

/* Makes room: forgets the oldest samples. */
static int erase_block(groat_replay_log *log, uint32_t first)
{
    record r;
    uint32_t forgotten = 0;
    for (uint32_t i = 0; i < log->block_places; i++) {
        forgotten += (uint32_t)find(log, first + i, &r);
    }
    if (forgotten > 0 && log->config.policy == GROAT_REPLAY_FILL) {
        return GROAT_E_REPLAY_FULL;
    }
    log->count -= smaller(forgotten, log->count);
    int status = groat_flash_erase(log->flash, offset_of(log, first), log->block_bytes);
    if (status != GROAT_OK) {
        uint32_t last = first + log->block_places - 1;
        log->next = after(log, last); /* a sector that is worn out does not stop the others */
    }
    return status;
}

static int write(const groat_replay_log *log, uint8_t dtype, const void *sample, record *r)
{
    uint8_t chunk[CHUNK];
    uint32_t elements = log->config.elements, offset = offset_of(log, log->next), first = 0, count;
    r->crc = crc_before_elements(log, r);
    for (; first < elements; first += count) {
        count = smaller(elements - first, CHUNK);
        groat_keep(&log->config, dtype, sample, first, count, (int8_t *)chunk);
        r->crc = groat_crc32(r->crc, chunk, count);
    }
    memcpy(chunk, r, sizeof *r);
    uint32_t start = sizeof *r;
    first = 0;
    for (uint32_t done = 0, bytes; done < log->place_bytes; done += bytes, first += count, start = 0) {
        bytes = smaller(log->place_bytes - done, CHUNK);
        count = smaller(elements - first, bytes - start);
        groat_keep(&log->config, dtype, sample, first, count, (int8_t *)chunk + start);
        memset(chunk + start + count, GROAT_FLASH_PADDING, bytes - start - count);
        GROAT_TRY(groat_flash_program(log->flash, offset + done, chunk, bytes));
    }
    return GROAT_OK;
}

int groat_replay_log_add(groat_replay_log *log, uint8_t dtype, const void *sample, int32_t label)
{
    GROAT_TRY(groat_check_sample(&log->config, dtype, sample));
    if (log->next % log->block_places == 0) {
        GROAT_TRY(erase_block(log, log->next));
    }
    record wanted = {log->sequence, label, 0}, found;
    uint32_t place = log->next;
    int status = write(log, dtype, sample, &wanted);
    log->next = after(log, place);
    GROAT_TRY(status);
    if (!find(log, place, &found) || found.crc != wanted.crc) {
        return GROAT_E_FLASH_WORN;
    }
    log->sequence++;
    log->count++;
    log->used = place < log->used ? log->used : place + 1;
    return GROAT_OK;
}
