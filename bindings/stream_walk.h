/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks a stream that is not packed yet, as runtime/core/stream.c will, to find how little memory it needs.
 */
#ifndef GROAT_STREAM_WALK_H
#define GROAT_STREAM_WALK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A line, as groat_line, and its tensor. */
typedef struct groat_walk_line {
    uint32_t height;
    uint32_t width;
    uint32_t pixel_bytes;
    uint32_t calls;     /* of its op */
    uint32_t leader; /* the line in whose slots it lies: its own number, or that of another, which takes its place */
    uint32_t then; /* its own number: none */
    uint16_t span;
    uint16_t first_row;
    uint8_t row_step;
    uint8_t first_tap;
    uint8_t taps;
    uint8_t kept; /* it asks for all of its units */
    uint8_t whole; /* it has memory for all of them */
} groat_walk_line;

/* What the op of a line reads of a line; or, if `resident`, of the image with that number that lies whole. */
typedef struct groat_walk_read {
    uint32_t reader;
    uint32_t from;
    uint32_t resident;
    uint32_t extent;
    uint32_t extent_w;
    uint16_t stride;
    uint16_t stride_w;
    uint16_t pad;
    uint16_t pad_w;
    uint16_t dilation;
    uint8_t adds_up;
    uint8_t in_place; /* it makes each pixel from the ones at its place */
} groat_walk_read;

typedef struct groat_walk_image {
    uint32_t height;
    uint32_t width;
    uint32_t pixel_bytes;
} groat_walk_image;

/* Fills `slots` with how many units of each line there must be memory for (of leaders), and `below`, [lines * images],
 * with how many bytes the tensor of a kept line must start before an image that it lies over; below 0: it may start that
 * much behind.  Reads of a line lie together, in the order of its op's inputs.  Returns 0 without memory. */
int groat_walk_stream(const groat_walk_line *lines, uint32_t count, const groat_walk_read *reads, uint32_t read_count,
                      const groat_walk_image *images, uint32_t image_count, uint32_t *slots, int64_t *below);

#ifdef __cplusplus
}
#endif

#endif
