/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host says to the firmware and what it answers: the only definition of both.  The Python side reads
 * these very structs through cffi, so this header holds nothing but enums and structs of fixed-width fields,
 * little-endian and without holes.  docs/PROTOCOL.md is the normative text, and says how they go over a serial line.
 *
 * The host sends a request and `bytes` bytes; the firmware answers with a reply and `bytes` bytes.  Of the inputs of
 * a frame those come first that do not go row by row; of those that do there is at most one.  An output that goes row by
 * row is the only one.
 */
#ifndef GROAT_PROTOCOL_H
#define GROAT_PROTOCOL_H

#include <stdint.h>

enum {
    GROAT_PROTOCOL_VERSION = 4
};

enum groat_command {
    GROAT_COMMAND_INFO = 1,   /* -> groat_info; the only one that works when the model was refused */
    GROAT_COMMAND_INPUT = 2,  /* all inputs that do not go row by row, one after the other: sets them */
    GROAT_COMMAND_RUN = 3,    /* argument: frames; all inputs of each -> all outputs of each, as they are ready */
    GROAT_COMMAND_STEP = 4, /* argument: step; runs only that one, or its stream if it is the stream's first; with the
                             * input that goes row by row if it reads it; gives no rows.  Firmware that measures layers
                             * runs the stream for any of its steps, and measures the rows of that one */
    GROAT_COMMAND_TENSOR = 5, /* argument: tensor id -> its bytes */
    GROAT_COMMAND_EXIT = 6, /* -> nothing; the firmware ends, unless it is one that serves */
    GROAT_COMMAND_SELECT = 7, /* argument: program that the other commands mean from now on */
    GROAT_COMMAND_RESET = 8, /* all states get their first contents */
    GROAT_COMMAND_STATE = 9, /* argument: state; its bytes: overwrites it */
    /* Of firmware that serves, and takes models from the host; they work without a model, too. */
    GROAT_COMMAND_ABOUT = 10, /* -> groat_about */
    GROAT_COMMAND_OPS = 11, /* -> a bit for each op id: 1 if it is linked */
    GROAT_COMMAND_MEMORIES = 12, /* -> groat_room for each memory that may hold a region of a model */
    GROAT_COMMAND_LOAD = 13, /* groat_load -> uint32_t: how many of the model's bytes are there already */
    GROAT_COMMAND_DATA = 14, /* argument: how many bytes are there already; the next ones */
    GROAT_COMMAND_ACTIVATE = 15, /* checks what was loaded, and serves it from now on */
    GROAT_COMMAND_SLOTS = 16, /* -> two groat_slot_about, the newest model's first */
    GROAT_COMMAND_ROLLBACK = 17 /* forgets the model that is served from a slot, and serves that of the other one */
};

typedef struct groat_request {
    uint32_t command;
    uint32_t argument;
    uint32_t bytes;
} groat_request;

typedef struct groat_reply {
    int32_t status; /* enum groat_status; if not 0, no bytes follow and nothing was run */
    uint32_t bytes;
} groat_reply;

/* What one call cost.  Ticks are the counter's; the target's description says what one is. */
typedef struct groat_cost {
    uint64_t ticks;
    uint32_t stack_bytes; /* used by the callee and all it called */
    uint32_t depth_bytes; /* from the top of the stack to the deepest byte that was used */
} groat_cost;

typedef struct groat_info {
    uint32_t version; /* GROAT_PROTOCOL_VERSION */
    int32_t open_status; /* what checking the checksum or groat_open returned */
    uint32_t memories; /* there are this many for regions of a model */
    uint32_t stack_limit_bytes; /* a call that used so much may have overrun it */
    groat_cost idle; /* of calling a function that does nothing: part of the others' ticks */
    groat_cost open; /* of groat_open alone */
    groat_cost last; /* of the last groat_run or groat_run_step */
} groat_info;

/* Where a model lies. */
enum groat_place {
    GROAT_PLACE_NONE = 0,
    GROAT_PLACE_IMAGE = 1, /* in the firmware's own image, or loaded beside it */
    GROAT_PLACE_SLOT = 3, /* in the slot of flash that the one which is served does not lie in */
    GROAT_PLACE_RAM = 2 /* at the end of the first memory; its region there gets the rest */
};

/* What firmware is, and which model it serves. */
typedef struct groat_about {
    uint32_t library_version; /* GROAT_LIBRARY_VERSION */
    uint16_t format_major; /* the file format that it reads */
    uint16_t format_minor;
    uint16_t packing; /* enum groat_packing */
    uint16_t workers; /* cores that share the work of an op */
    uint32_t place; /* enum groat_place: of the model that is served */
    uint32_t model_bytes; /* length and checksum of its file; 0 without one */
    uint32_t model_crc;
    char target[24]; /* whose description in python/groat/targets it was built from; zero-padded */
} groat_about;

typedef struct groat_room {
    uint32_t start;
    uint32_t bytes;
} groat_room;

enum groat_slot_state {
    GROAT_SLOT_NONE = 0, /* nothing, or nothing whole */
    GROAT_SLOT_WHOLE = 1,
    GROAT_SLOT_SERVED = 2
};

/* A slot of flash. */
typedef struct groat_slot_about {
    uint32_t state; /* enum groat_slot_state */
    uint32_t sequence; /* the larger, the newer */
    uint32_t model_bytes; /* length and checksum of its file */
    uint32_t model_crc;
} groat_slot_about;

enum {
    GROAT_LOAD_UNIT = 256, /* DATA for a slot is a multiple of it, or all the rest */
    GROAT_SIGNATURE_BYTES = 64 /* behind a model's file, for firmware that has a public key */
};

/* A model that the host is about to send. */
typedef struct groat_load {
    uint32_t place; /* enum groat_place */
    uint32_t bytes;
    uint32_t crc; /* CRC-32 of all of them */
} groat_load;

#endif
