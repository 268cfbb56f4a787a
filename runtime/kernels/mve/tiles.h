/* SPDX-License-Identifier: Apache-2.0
 *
 * Dot products of four channels with two pixels, or of eight with one, for many channels in a row.
 *
 * In assembly, because eight sums take all even registers, the link register among them: a compiler will not give
 * that up.  Blocks are unrolled by four and entered in the middle, so that any number of them is one loop.
 */
#ifndef GROAT_MVE_TILES_H
#define GROAT_MVE_TILES_H

#include <stddef.h>
#include <stdint.h>

/* Weights of a quad: four biases, then `blocks` blocks of 4 x 16 weights. */
static inline uint32_t quad_bytes_of(uint32_t blocks)
{
    return 16 + 64 * blocks;
}

/* sums[pair][quad][2][channel] for `pairs` pairs of pixels, neighbours being `step` bytes apart. */
static void tiles_of_two(const int8_t *weights, uint32_t blocks, const int8_t *x, uint32_t step, int32_t *sums,
                         uint32_t quads, uint32_t pairs);

/* sums[quad][channel] of one pixel, and room for one quad more if their number is odd. */
static void tiles_of_one(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums, uint32_t quads);

#if defined(__ARM_FEATURE_MVE)

/* What the loops reload; offsets are written out in the assembly. */
typedef struct tile_loop {
    int32_t *end;           /* r0: of this pair's sums */
    const int8_t *x;        /* r3; of one pixel: the distance of two quads */
    const int8_t *second;   /* r5: the other pixel; or the only one */
    uint32_t turns;         /* r9: of the unrolled loop */
    uint32_t entry;         /* 16: where the loop is entered */
    int32_t *last;          /* 20: the end of the last pair's sums */
    const int8_t *weights;  /* 24 */
    uint32_t step;          /* 28: from a pixel to the one after next */
    uint32_t pair_bytes;    /* 32: of a pair's sums */
} tile_loop;

#define BLOCK_OF_TWO            \
    "vldrb.u8 q0, [r3], #16\n"  \
    "vldrw.u32 q2, [r1], #16\n" \
    "vldrb.u8 q1, [r5], #16\n"  \
    "vmladava.s8 r0, q2, q0\n"  \
    "vldrw.u32 q3, [r1], #16\n" \
    "vmladava.s8 r8, q2, q1\n"  \
    "vmladava.s8 r2, q3, q0\n"  \
    "vldrw.u32 q2, [r1], #16\n" \
    "vmladava.s8 r10, q3, q1\n" \
    "vmladava.s8 r4, q2, q0\n"  \
    "vldrw.u32 q3, [r1], #16\n" \
    "vmladava.s8 r12, q2, q1\n" \
    "vmladava.s8 r6, q3, q0\n"  \
    "vmladava.s8 lr, q3, q1\n"
enum {
    BLOCK_OF_TWO_BYTES = 14 * 4
};

/* r0: the loop; r1: weights; r2: sums; r3: bytes to skip to the entry, and the Thumb bit. */
__attribute__((naked, noinline)) static void run_tiles_of_two(tile_loop *loop, const int8_t *weights, int32_t *sums,
                                                              uint32_t skip)
{
    __asm__("push {r4-r11, lr}\n"
            "mov r7, r0\n"
            "mov r11, r2\n"
            "adr.w r2, 2f\n"
            "add r2, r3\n"
            "str r2, [r7, #16]\n"
            "ldm r7, {r0, r3, r5, r9}\n"
            "1:\n" /* a quad of a pair */
            "ldm r1, {r0, r2, r4, r6}\n"
            "ldm r1!, {r8, r10, r12, lr}\n"
            "ldr pc, [r7, #16]\n"
            ".p2align 2\n"
            "2:\n" BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO "subs.w r9, r9, #1\n"
            "bne 2b\n"
            "stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
            "ldm r7, {r0, r3, r5, r9}\n"
            "cmp r11, r0\n"
            "bne 1b\n"
            "ldrd r2, r1, [r7, #20]\n" /* the next pair */
            "ldrd r4, r6, [r7, #28]\n"
            "add r3, r4\n"
            "add r5, r4\n"
            "add r0, r6\n"
            "stm r7, {r0, r3, r5}\n"
            "cmp r11, r2\n"
            "bne 1b\n"
            "pop {r4-r11, pc}\n");
}

#define BLOCK_OF_ONE            \
    "vldrb.u8 q0, [r5], #16\n"  \
    "vldrw.u32 q1, [r1], #16\n" \
    "vldrw.u32 q2, [r3], #16\n" \
    "vmladava.s8 r0, q1, q0\n"  \
    "vldrw.u32 q1, [r1], #16\n" \
    "vmladava.s8 r8, q2, q0\n"  \
    "vldrw.u32 q2, [r3], #16\n" \
    "vmladava.s8 r2, q1, q0\n"  \
    "vldrw.u32 q1, [r1], #16\n" \
    "vmladava.s8 r10, q2, q0\n" \
    "vldrw.u32 q2, [r3], #16\n" \
    "vmladava.s8 r4, q1, q0\n"  \
    "vldrw.u32 q1, [r1], #16\n" \
    "vmladava.s8 r12, q2, q0\n" \
    "vldrw.u32 q2, [r3], #16\n" \
    "vmladava.s8 r6, q1, q0\n"  \
    "vmladava.s8 lr, q2, q0\n"
enum {
    BLOCK_OF_ONE_BYTES = 17 * 4
};

/* As above, for two quads at a time. */
__attribute__((naked, noinline)) static void run_tiles_of_one(tile_loop *loop, const int8_t *weights, int32_t *sums,
                                                              uint32_t skip)
{
    __asm__("push {r4-r11, lr}\n"
            "mov r7, r0\n"
            "mov r11, r2\n"
            "adr.w r2, 2f\n"
            "add r2, r3\n"
            "str r2, [r7, #16]\n"
            "ldm r7, {r0, r3, r5, r9}\n"
            "add r3, r1\n"
            "1:\n"
            "ldm r1!, {r0, r2, r4, r6}\n"
            "ldm r3!, {r8, r10, r12, lr}\n"
            "ldr pc, [r7, #16]\n"
            ".p2align 2\n"
            "2:\n" BLOCK_OF_ONE BLOCK_OF_ONE BLOCK_OF_ONE BLOCK_OF_ONE "subs.w r9, r9, #1\n"
            "bne 2b\n"
            "stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
            "mov r1, r3\n"
            "ldm r7, {r0, r3, r5, r9}\n"
            "add r3, r1\n"
            "cmp r11, r0\n"
            "bne 1b\n"
            "pop {r4-r11, pc}\n");
}

/* The first turn of the loop does what is over of four. */
static inline uint32_t skipped(uint32_t blocks, uint32_t block_bytes)
{
    return (0u - blocks) % 4 * block_bytes + 1;
}

static void tiles_of_two(const int8_t *weights, uint32_t blocks, const int8_t *x, uint32_t step, int32_t *sums,
                         uint32_t quads, uint32_t pairs)
{
    tile_loop loop = {
        .end = sums + 8 * quads,
        .x = x,
        .second = x + step,
        .turns = (blocks + 3) / 4,
        .last = sums + 8 * quads * pairs,
        .weights = weights,
        .step = 2 * step,
        .pair_bytes = 32 * quads,
    };
    run_tiles_of_two(&loop, weights, sums, skipped(blocks, BLOCK_OF_TWO_BYTES));
}

static void tiles_of_one(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums, uint32_t quads)
{
    const uint32_t quad_bytes = quad_bytes_of(blocks);
    const uint32_t skip = skipped(blocks, BLOCK_OF_ONE_BYTES);
    uint32_t even = quads & ~1u;
    tile_loop loop = {
        .end = sums + 4 * even,
        .x = (const int8_t *)quad_bytes,
        .second = x,
        .turns = (blocks + 3) / 4,
    };
    if (even > 0) {
        run_tiles_of_one(&loop, weights, sums, skip);
    }
    if (even < quads) { /* the last one beside itself */
        loop.end += 8;
        loop.x = NULL;
        run_tiles_of_one(&loop, weights + even * quad_bytes, sums + 4 * even, skip);
    }
}

#else

static inline void tile(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums)
{
    uint32_t acc[4];
    for (uint32_t i = 0; i < 4; i++) {
        acc[i] = (uint32_t)((const int32_t *)(const void *)weights)[i];
    }
    weights += sizeof(acc);
    for (uint32_t i = 0; i < 64 * blocks; i++) {
        acc[i / 16 % 4] += (uint32_t)(weights[i] * x[i / 64 * 16 + i % 16]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        sums[i] = (int32_t)acc[i];
    }
}

static void tiles_of_two(const int8_t *weights, uint32_t blocks, const int8_t *x, uint32_t step, int32_t *sums,
                         uint32_t quads, uint32_t pairs)
{
    for (uint32_t p = 0; p < pairs; p++, x += 2 * step) {
        for (uint32_t q = 0; q < quads; q++, sums += 8) {
            tile(weights + q * quad_bytes_of(blocks), blocks, x, sums);
            tile(weights + q * quad_bytes_of(blocks), blocks, x + step, sums + 4);
        }
    }
}

static void tiles_of_one(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums, uint32_t quads)
{
    for (uint32_t q = 0; q < quads; q++) {
        tile(weights + q * quad_bytes_of(blocks), blocks, x, sums + 4 * q);
    }
}

#endif
#endif
