/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host says to the firmware and what it answers: the only definition of both.  The Python side reads
 * these very structs through cffi, so this header holds nothing but enums and structs of fixed-width fields,
 * little-endian and without holes.
 *
 * The host sends a request and `bytes` bytes; the firmware answers with a reply and `bytes` bytes.  Of the inputs of
 * a frame those come first that do not go row by row; of those that do there is at most one.  An output that goes row by
 * row is the only one.
 */
#ifndef GROAT_PROTOCOL_H
#define GROAT_PROTOCOL_H

#include <stdint.h>

enum {
    GROAT_PROTOCOL_VERSION = 3
};

enum groat_command {
    GROAT_COMMAND_INFO = 1,   /* -> groat_info; the only one that works when the model was refused */
    GROAT_COMMAND_INPUT = 2,  /* all inputs that do not go row by row, one after the other: sets them */
    GROAT_COMMAND_RUN = 3,    /* argument: frames; all inputs of each -> all outputs of each, as they are ready */
    GROAT_COMMAND_STEP = 4, /* argument: step; runs only that one, or its stream if it is the stream's first; with the
                             * input that goes row by row if it reads it; gives no rows.  Firmware that measures layers
                             * runs the stream for any of its steps, and measures the rows of that one */
    GROAT_COMMAND_TENSOR = 5, /* argument: tensor id -> its bytes */
    GROAT_COMMAND_EXIT = 6, /* -> nothing; the firmware ends */
    GROAT_COMMAND_SELECT = 7, /* argument: program that the other commands mean from now on */
    GROAT_COMMAND_RESET = 8, /* all states get their first contents */
    GROAT_COMMAND_STATE = 9 /* argument: state; its bytes: overwrites it */
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

#endif
