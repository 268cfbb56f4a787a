/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes over a serial line: the only definition of a frame.  docs/PROTOCOL.md is the normative text.  The Python side
 * reads these very structs through cffi, so this header holds nothing but enums and structs of fixed-width fields,
 * little-endian and without holes.
 *
 * A frame is a zero byte, then header, payload and CRC-32 in Consistent Overhead Byte Stuffing, then a zero byte.
 */
#ifndef GROAT_FRAME_H
#define GROAT_FRAME_H

#include <stdint.h>

enum {
    GROAT_FRAME_VERSION = 1,
    GROAT_FRAME_PAYLOAD = 256 /* bytes, at most */
};

/* Each side has kinds of its own, so that an echo is no answer. */
enum groat_frame_kind {
    GROAT_FRAME_HELLO = 0x01, /* host: begins a session, or asks whether the device still is in it */
    GROAT_FRAME_DATA = 0x02,
    GROAT_FRAME_HELLO_BACK = 0x81, /* device: which session it is in; its payload is a groat_hello */
    GROAT_FRAME_DATA_BACK = 0x82
};

typedef struct groat_frame {
    uint32_t session; /* chosen by the host; the device's is 0 until it has been told */
    uint16_t sequence; /* the number of this frame among those of its side that have a payload */
    uint16_t next; /* of the other side's: which one is expected */
    uint16_t bytes; /* of payload */
    uint8_t kind; /* enum groat_frame_kind */
    uint8_t wants; /* device: 1 if it waits for the frame `next` */
} groat_frame;

typedef struct groat_hello {
    uint32_t version; /* GROAT_FRAME_VERSION */
    uint32_t payload_bytes; /* the most that it takes in one frame */
} groat_hello;

#endif
