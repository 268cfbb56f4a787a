/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes models from the host, checks them and has them served.
 */
#include "models.h"

#include "../../runtime/core/crc.h"
#include "../../runtime/core/op.h"
#include "../../runtime/kernels/select.h"
#include "../port/port.h"

enum {
    OPS_BYTES = 32, /* a bit for each id */
    MEMORIES_MAX = GROAT_REGIONS_MAX
};

/* The model that is served, or none. */
static uint32_t place;
static const groat_header *served;

/* The one that comes: its first `done` bytes are there. */
static groat_load load;
static uint32_t done;

/* ---- Memory -------------------------------------------------------------------------------------- */

static uint32_t memories_count(void)
{
    return (uint32_t)(groat_memories_end - groat_memories);
}

/* Where a model of so many bytes lies in RAM: at the end of the first memory.  Null if that is too small. */
static uint8_t *room_in_ram(uint32_t bytes)
{
    const groat_memory *first = &groat_memories[0];
    if (bytes > first->bytes) {
        return NULL;
    }
    uint8_t *start = (uint8_t *)first->start + (first->bytes - bytes);
    return start - (uintptr_t)start % GROAT_ALIGN;
}

/* ---- Serving a model ----------------------------------------------------------------------------- */

static int32_t open_at(uint32_t where, const void *model, uint32_t bytes)
{
    groat_memory memories[MEMORIES_MAX];
    memcpy(memories, groat_memories, memories_count() * sizeof memories[0]);
    if (where == GROAT_PLACE_RAM) {
        memories[0].bytes = (uint32_t)((const uint8_t *)model - (const uint8_t *)memories[0].start);
    }
    const groat_served wanted = {model, bytes, memories};
    int32_t status = groat_server_open(&wanted);
    place = status == GROAT_OK ? where : (uint32_t)GROAT_PLACE_NONE;
    served = model;
    return status;
}

void groat_models_start(void)
{
    (void)open_at(GROAT_PLACE_IMAGE, groat_model_start, (uint32_t)(groat_model_end - groat_model_start));
    if (place == GROAT_PLACE_NONE && served->magic != GROAT_MAGIC) {
        groat_server_close(GROAT_E_NO_MODEL);
    }
}

/* ---- The commands -------------------------------------------------------------------------------- */

static void answer(const void *bytes, uint32_t count)
{
    groat_server_reply(GROAT_OK, count);
    (void)groat_channel_write(bytes, count);
}

static void serve_about(void)
{
    groat_about about = {
        .library_version = GROAT_LIBRARY_VERSION,
        .format_major = GROAT_VERSION_MAJOR,
        .format_minor = GROAT_VERSION_MINOR,
        .packing = GROAT_PACKING_SELECTED,
        .workers = GROAT_WORKERS,
        .place = place,
        .target = GROAT_TARGET,
    };
    if (place != GROAT_PLACE_NONE) {
        about.model_bytes = served->file_bytes;
        about.model_crc = served->crc32;
    }
    answer(&about, sizeof about);
}

static void serve_ops(void)
{
    uint8_t ops[OPS_BYTES];
    memset(ops, 0, sizeof ops);
    for (uint32_t id = 0; id < 8 * sizeof ops; id++) {
        ops[id / 8] = (uint8_t)(ops[id / 8] | (groat_find_op(id).op != NULL) << id % 8);
    }
    answer(ops, sizeof ops);
}

static void serve_memories(void)
{
    uint32_t count = memories_count();
    groat_server_reply(GROAT_OK, count * (uint32_t)sizeof(groat_room));
    for (uint32_t i = 0; i < count; i++) {
        const groat_room room = {(uint32_t)(uintptr_t)groat_memories[i].start, groat_memories[i].bytes};
        (void)groat_channel_write(&room, sizeof room);
    }
}

/* A load of the same model goes on where it was; any other begins. */
static void serve_load(const groat_request *request)
{
    groat_load wanted;
    if (request->bytes != sizeof wanted) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    if (groat_channel_read(&wanted, sizeof wanted) != 0) {
        return;
    }
    int is_same = wanted.place == load.place && wanted.bytes == load.bytes && wanted.crc == load.crc;
    if (!is_same) {
        load.place = GROAT_PLACE_NONE;
        done = 0;
        if (wanted.place != GROAT_PLACE_RAM || wanted.bytes == 0) {
            groat_server_reply(GROAT_E_ARGUMENT, 0);
            return;
        }
        if (room_in_ram(wanted.bytes) == NULL) {
            groat_server_reply(GROAT_E_LOAD_SIZE, 0);
            return;
        }
        load = wanted;
    }
    /* It may lie where the model that was served has its memory. */
    place = GROAT_PLACE_NONE;
    groat_server_close(GROAT_E_NO_MODEL);
    answer(&done, sizeof done);
}

static void serve_data(const groat_request *request)
{
    if (load.place == GROAT_PLACE_NONE || request->argument != done || request->bytes > load.bytes - done) {
        groat_server_refuse(request, GROAT_E_LOAD_ORDER);
        return;
    }
    if (groat_channel_read(room_in_ram(load.bytes) + done, request->bytes) != 0) {
        return;
    }
    done += request->bytes;
    groat_server_reply(GROAT_OK, 0);
}

static void serve_activate(void)
{
    if (load.place == GROAT_PLACE_NONE || done != load.bytes) {
        groat_server_reply(GROAT_E_LOAD_ORDER, 0);
        return;
    }
    const uint8_t *model = room_in_ram(load.bytes);
    int32_t status =
        groat_crc32(0, model, load.bytes) == load.crc ? open_at(load.place, model, load.bytes) : GROAT_E_CRC;
    load.place = GROAT_PLACE_NONE;
    groat_server_reply(status, 0);
}

int groat_models_serve(const groat_request *request)
{
    if (request->command == GROAT_COMMAND_LOAD) {
        serve_load(request);
    } else if (request->command == GROAT_COMMAND_DATA) {
        serve_data(request);
    } else if (request->command < GROAT_COMMAND_ABOUT || request->command > GROAT_COMMAND_ACTIVATE) {
        return 0;
    } else if (request->bytes != 0) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
    } else if (request->command == GROAT_COMMAND_ABOUT) {
        serve_about();
    } else if (request->command == GROAT_COMMAND_OPS) {
        serve_ops();
    } else if (request->command == GROAT_COMMAND_MEMORIES) {
        serve_memories();
    } else {
        serve_activate();
    }
    return 1;
}
