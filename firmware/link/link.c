/* SPDX-License-Identifier: Apache-2.0
 *
 * The channel to the host over a serial line that may lose, damage, repeat or reorder what is sent (docs/PROTOCOL.md).
 *
 * One frame at a time: the device asks for each one of the host's when it has room for it, and sends its next one when
 * the host has the last.  So a polled UART without a buffer loses nothing.  Only the host has a clock: what does not
 * arrive it sends again, and the device then sends again what it said last.
 */
#include "frame.h"

#include "../../runtime/core/crc.h"
#include "../../runtime/core/op.h"
#include "../port/port.h"
#include "../uart/uart.h"

enum {
    HEADER_BYTES = sizeof(groat_frame),
    CRC_BYTES = 4,
    FRAME_BYTES = HEADER_BYTES + GROAT_FRAME_PAYLOAD + CRC_BYTES,
    BLOCK_BYTES = 254 /* of byte stuffing: the most that one code byte stands for */
};

/* A frame as it is checksummed; `end` is room for the checksum of one with a full payload. */
typedef struct box {
    groat_frame header;
    uint8_t payload[GROAT_FRAME_PAYLOAD];
    uint8_t end[CRC_BYTES];
} box;

static box in;  /* what just came */
static box out; /* what waits for the host */
static uint8_t taken[GROAT_FRAME_PAYLOAD]; /* what the firmware has not yet read, from taken_at on */
static uint32_t taken_at, taken_bytes;
static uint32_t session;
static uint16_t sent; /* the number of the frame in `out` */
static uint16_t expected; /* of the host's next one */
static uint8_t is_lost; /* the host began a new session in the middle of a request */

/* ---- Bytes --------------------------------------------------------------------------------------- */

static void send_frame(box *frame)
{
    uint8_t *bytes = (uint8_t *)frame;
    uint32_t count = HEADER_BYTES + frame->header.bytes;
    uint32_t crc = groat_crc32(0, bytes, count);
    memcpy(bytes + count, &crc, CRC_BYTES);
    count += CRC_BYTES;
    groat_uart_write(0);
    /* Each block goes up to the next zero, which it stands for; the one after the last byte counts as one. */
    for (uint32_t at = 0, run; at <= count; at += run + (run < BLOCK_BYTES)) {
        for (run = 0; run < BLOCK_BYTES && at + run < count && bytes[at + run] != 0;) {
            run++;
        }
        groat_uart_write((uint8_t)(run + 1));
        for (uint32_t i = 0; i < run; i++) {
            groat_uart_write(bytes[at + i]);
        }
    }
    groat_uart_write(0);
}

static uint8_t wait_byte(void)
{
    int byte;
    while ((byte = groat_uart_poll()) < 0) {
        groat_wait();
    }
    return (uint8_t)byte;
}

/* The bytes up to the next zero, unstuffed, into `in`: how many; 0 if they are no stuffed bytes, or too many. */
static uint32_t receive_bytes(void)
{
    uint8_t *to = (uint8_t *)&in, byte;
    uint32_t count = 0, left = 0, ends_in_zero = 0;
    int is_sound = 1;
    while ((byte = wait_byte()) != 0) {
        int is_code = left == 0;
        uint32_t was_ended = ends_in_zero;
        if (is_code) {
            left = byte - 1u;
            ends_in_zero = left < BLOCK_BYTES;
            byte = 0;
        } else {
            left--;
        }
        if (!is_code || was_ended) {
            is_sound = is_sound && count < FRAME_BYTES;
            if (is_sound) {
                to[count++] = byte;
            }
        }
    }
    return is_sound && left == 0 ? count : 0;
}

/* Waits for a sound frame. */
static void receive_frame(void)
{
    for (;;) {
        uint32_t count = receive_bytes(), crc;
        if (count >= HEADER_BYTES + CRC_BYTES && count == HEADER_BYTES + CRC_BYTES + (uint32_t)in.header.bytes) {
            memcpy(&crc, (const uint8_t *)&in + count - CRC_BYTES, CRC_BYTES);
            if (crc == groat_crc32(0, &in, count - CRC_BYTES)) {
                return;
            }
        }
    }
}

/* ---- Frames -------------------------------------------------------------------------------------- */

static void send_hello(void)
{
    static const groat_hello hello = {GROAT_FRAME_VERSION, GROAT_FRAME_PAYLOAD};
    in.header = (groat_frame){.session = session, .bytes = sizeof hello, .kind = GROAT_FRAME_HELLO_BACK};
    memcpy(in.payload, &hello, sizeof hello);
    send_frame(&in);
}

static void begin_session(void)
{
    session = in.header.session;
    sent = expected = 0;
    taken_bytes = 0;
    out.header.bytes = 0;
    is_lost = 1;
}

/* The host has all that was sent to it; and gives what is asked for, if anything is. */
static int is_answer(int wants)
{
    uint16_t after = (uint16_t)(sent + (out.header.bytes > 0));
    return in.header.next == after && (!wants || (in.header.bytes > 0 && in.header.sequence == expected));
}

/* Sends what is in `out`, which may be nothing, until the host has it, and waits for its next frame if it `wants` one.
 * Returns 0, or -1 if the host began a new session. */
static int exchange(int wants)
{
    if (is_lost) {
        return -1;
    }
    out.header = (groat_frame){session, sent, expected, out.header.bytes, GROAT_FRAME_DATA_BACK, (uint8_t)wants};
    send_frame(&out);
    for (;;) {
        receive_frame();
        if (in.header.kind == GROAT_FRAME_HELLO && in.header.session != session) {
            begin_session();
            send_hello();
            return -1;
        }
        if (in.header.kind == GROAT_FRAME_HELLO || in.header.session != session) {
            if (in.header.kind < GROAT_FRAME_HELLO_BACK) {
                send_hello();
            }
        } else if (in.header.kind == GROAT_FRAME_DATA) {
            if (is_answer(wants)) {
                break;
            }
            send_frame(&out); /* the host did not get it, or its own came twice */
        }
    }
    sent = (uint16_t)(sent + (out.header.bytes > 0));
    out.header.bytes = 0;
    if (wants) {
        expected++;
        taken_at = 0;
        taken_bytes = in.header.bytes;
        memcpy(taken, in.payload, taken_bytes);
    }
    return 0;
}

/* ---- The channel --------------------------------------------------------------------------------- */

int groat_channel_open(void)
{
    groat_uart_start();
    return 0;
}

int groat_channel_renew(void)
{
    is_lost = 0;
    return 0;
}

int groat_channel_read(void *bytes, uint32_t count)
{
    uint8_t *to = bytes;
    while (count > 0) {
        if (taken_bytes == 0 && exchange(1) != 0) {
            return -1;
        }
        uint32_t part = count < taken_bytes ? count : taken_bytes;
        memcpy(to, taken + taken_at, part);
        taken_at += part;
        taken_bytes -= part;
        to += part;
        count -= part;
    }
    return 0;
}

int groat_channel_write(const void *bytes, uint32_t count)
{
    const uint8_t *from = bytes;
    while (count > 0) {
        if (out.header.bytes == GROAT_FRAME_PAYLOAD && exchange(0) != 0) {
            return -1;
        }
        if (is_lost) {
            return -1;
        }
        uint32_t room = (uint32_t)GROAT_FRAME_PAYLOAD - out.header.bytes;
        uint32_t part = count < room ? count : room;
        memcpy(out.payload + out.header.bytes, from, part);
        out.header.bytes = (uint16_t)(out.header.bytes + part);
        from += part;
        count -= part;
    }
    return 0;
}
