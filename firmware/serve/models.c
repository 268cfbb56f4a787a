/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes models from the host, checks them and has them served.
 */
#include "models.h"

#include "../../runtime/core/crc.h"
#include "../../runtime/core/op.h"
#include "../../runtime/kernels/select.h"
#include "../port/port.h"
#ifdef GROAT_SLOTS
#include <groat/slots.h>

#include "../flash/flash.h"
#endif
#ifdef GROAT_SIGNED
#include "../signature/signature.h"
#endif

/* Opening a model takes most of the stack: what others need there must not lie beneath it. */
#define OWN_FRAME __attribute__((noinline))

enum {
    OPS_BYTES = 32, /* a bit for each id */
    MEMORIES_MAX = GROAT_REGIONS_MAX
};

/* The model that is served, or none. */
static uint32_t place;
static const groat_header *served;
#ifdef GROAT_SLOTS
static groat_slot served_slot; /* if it lies in one */
static groat_slot update; /* if that is where the one that comes goes */
#endif

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

/* The memories that a model gets. */
static void share(uint32_t where, const void *model, groat_memory memories[MEMORIES_MAX])
{
    memcpy(memories, groat_memories, memories_count() * sizeof memories[0]);
    if (where == GROAT_PLACE_RAM) {
        memories[0].bytes = (uint32_t)((const uint8_t *)model - (const uint8_t *)memories[0].start);
    }
}

/* What came over the line is only believed if it is signed, in firmware that can tell. */
static int32_t check_signature(const void *model, uint32_t bytes)
{
#ifdef GROAT_SIGNED
    return groat_check_signature(model, bytes);
#else
    (void)model;
    (void)bytes;
    return GROAT_OK;
#endif
}

static int32_t open_at(uint32_t where, const void *model, uint32_t bytes)
{
    groat_memory memories[MEMORIES_MAX];
    share(where, model, memories);
    const groat_served wanted = {model, bytes, memories};
    int32_t status = groat_server_open(&wanted);
    place = status == GROAT_OK ? where : (uint32_t)GROAT_PLACE_NONE;
    served = model;
    return status;
}

#ifdef GROAT_SLOTS
static const uint8_t *address_of(const groat_slot *slot)
{
    return groat_board_flash_start + slot->offset;
}

static int32_t open_slot(const groat_slot *slot)
{
    served_slot = *slot;
    return open_at(GROAT_PLACE_SLOT, address_of(slot), slot->bytes);
}

/* What opening it would say.  Changes nothing: the model that is served goes on. */
static int32_t try_slot(const groat_slot *slot)
{
    groat_t net;
    groat_memory memories[MEMORIES_MAX];
    share(GROAT_PLACE_SLOT, NULL, memories);
    GROAT_TRY(groat_check_crc(address_of(slot), slot->bytes));
    GROAT_TRY(check_signature(address_of(slot), slot->bytes));
    return groat_open_regions(&net, address_of(slot), slot->bytes, memories, memories_count());
}
#endif

void groat_models_start(void)
{
#ifdef GROAT_SLOTS
    groat_slot slot;
    for (uint32_t rank = 0; groat_slot_find(&groat_board_flash, rank, &slot) == GROAT_OK; rank++) {
        if (check_signature(address_of(&slot), slot.bytes) == GROAT_OK && open_slot(&slot) == GROAT_OK) {
            return;
        }
    }
#endif
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

OWN_FRAME static void serve_about(void)
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

OWN_FRAME static void serve_ops(void)
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

static int32_t begin_load(const groat_load *wanted)
{
    if (wanted->bytes == 0) {
        return GROAT_E_ARGUMENT;
    }
    if (wanted->place == GROAT_PLACE_RAM) {
        return room_in_ram(wanted->bytes) != NULL ? GROAT_OK : GROAT_E_LOAD_SIZE;
    }
#ifdef GROAT_SLOTS
    if (wanted->place == GROAT_PLACE_SLOT) {
        const groat_slot *keep = place == GROAT_PLACE_SLOT ? &served_slot : NULL;
        return groat_slot_begin(&groat_board_flash, keep, wanted->bytes, &update);
    }
#endif
    return GROAT_E_ARGUMENT;
}

/* A load of the same model goes on where it was; any other begins. */
OWN_FRAME static void serve_load(const groat_request *request)
{
    groat_load wanted;
    if (request->bytes != sizeof wanted) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    if (groat_channel_read(&wanted, sizeof wanted) != 0) {
        return;
    }
    if (wanted.place != load.place || wanted.bytes != load.bytes || wanted.crc != load.crc) {
        load.place = GROAT_PLACE_NONE;
        done = 0;
        int32_t status = begin_load(&wanted);
        if (status != GROAT_OK) {
            groat_server_reply(status, 0);
            return;
        }
        load = wanted;
    }
    if (load.place == GROAT_PLACE_RAM) { /* it may lie where the model that was served has its memory */
        place = GROAT_PLACE_NONE;
        groat_server_close(GROAT_E_NO_MODEL);
    }
    answer(&done, sizeof done);
}

/* The next bytes, as far as the host sends them. */
OWN_FRAME static int32_t take(uint32_t bytes)
{
    if (load.place == GROAT_PLACE_RAM) {
        int failed = groat_channel_read(room_in_ram(load.bytes) + done, bytes);
        done += failed ? 0 : bytes;
        return GROAT_OK;
    }
    int32_t status = GROAT_OK;
#ifdef GROAT_SLOTS
    uint8_t piece[GROAT_FLASH_PROGRAM_MAX];
    for (uint32_t count; bytes > 0; bytes -= count) {
        count = bytes < sizeof piece ? bytes : (uint32_t)sizeof piece;
        if (groat_channel_read(piece, count) != 0) {
            break;
        }
        if (status == GROAT_OK) {
            status = groat_slot_write(&groat_board_flash, &update, piece, count);
            done = update.done;
        }
    }
#endif
    return status;
}

static void serve_data(const groat_request *request)
{
    int is_next = load.place != GROAT_PLACE_NONE && request->argument == done && request->bytes <= load.bytes - done;
    int is_whole =
        load.place != GROAT_PLACE_SLOT || request->bytes % GROAT_LOAD_UNIT == 0 || request->bytes == load.bytes - done;
    if (!is_next || !is_whole) {
        groat_server_refuse(request, GROAT_E_LOAD_ORDER);
        return;
    }
    int32_t status = take(request->bytes);
    if (status != GROAT_OK) { /* flash that could not be written is begun anew */
        load.place = GROAT_PLACE_NONE;
    }
    groat_server_reply(status, 0);
}

static int32_t activate(void)
{
    if (load.place == GROAT_PLACE_RAM) {
        const uint8_t *model = room_in_ram(load.bytes);
        if (groat_crc32(0, model, load.bytes) != load.crc) {
            return GROAT_E_CRC;
        }
        GROAT_TRY(check_signature(model, load.bytes));
        return open_at(GROAT_PLACE_RAM, model, load.bytes);
    }
#ifdef GROAT_SLOTS
    GROAT_TRY(groat_slot_check(&groat_board_flash, &update, load.crc));
    GROAT_TRY(try_slot(&update));
    GROAT_TRY(groat_slot_commit(&groat_board_flash, &update));
    return open_slot(&update);
#else
    return GROAT_E_LOAD_ORDER;
#endif
}

static void serve_activate(void)
{
    int32_t status = GROAT_E_LOAD_ORDER;
    if (load.place != GROAT_PLACE_NONE && done == load.bytes) {
        status = activate();
        load.place = GROAT_PLACE_NONE;
    }
    groat_server_reply(status, 0);
}

#ifdef GROAT_SLOTS
OWN_FRAME static void serve_slots(void)
{
    groat_slot_about slots[2] = {{0}};
    groat_slot slot;
    for (uint32_t rank = 0; groat_slot_find(&groat_board_flash, rank, &slot) == GROAT_OK; rank++) {
        const groat_header *header = (const groat_header *)(const void *)address_of(&slot);
        slots[rank] = (groat_slot_about){
            .sequence = slot.sequence,
            .model_bytes = slot.bytes,
            .model_crc = header->crc32,
            .state =
                place == GROAT_PLACE_SLOT && slot.offset == served_slot.offset ? GROAT_SLOT_SERVED : GROAT_SLOT_WHOLE,
        };
    }
    answer(slots, sizeof slots);
}

static int32_t roll_back(void)
{
    groat_slot other;
    if (place != GROAT_PLACE_SLOT) {
        return GROAT_E_NO_OTHER;
    }
    for (uint32_t rank = 0;; rank++) {
        if (groat_slot_find(&groat_board_flash, rank, &other) != GROAT_OK) {
            return GROAT_E_NO_OTHER;
        }
        if (other.offset != served_slot.offset) {
            break;
        }
    }
    GROAT_TRY(try_slot(&other));
    GROAT_TRY(groat_slot_forget(&groat_board_flash, &served_slot));
    return open_slot(&other);
}

static void serve_rollback(void)
{
    load.place = GROAT_PLACE_NONE; /* it may be on its way to the slot that is served from now on */
    groat_server_reply(roll_back(), 0);
}
#endif

int groat_models_serve(const groat_request *request)
{
    if (request->command < GROAT_COMMAND_ABOUT || request->command > GROAT_COMMAND_ROLLBACK) {
        return 0;
    }
    if (request->command == GROAT_COMMAND_LOAD) {
        serve_load(request);
        return 1;
    }
    if (request->command == GROAT_COMMAND_DATA) {
        serve_data(request);
        return 1;
    }
    if (request->bytes != 0) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return 1;
    }
    switch (request->command) {
    case GROAT_COMMAND_ABOUT:
        serve_about();
        break;
    case GROAT_COMMAND_OPS:
        serve_ops();
        break;
    case GROAT_COMMAND_MEMORIES:
        serve_memories();
        break;
    case GROAT_COMMAND_ACTIVATE:
        serve_activate();
        break;
#ifdef GROAT_SLOTS
    case GROAT_COMMAND_SLOTS:
        serve_slots();
        break;
    case GROAT_COMMAND_ROLLBACK:
        serve_rollback();
        break;
#endif
    default:
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        break;
    }
    return 1;
}
