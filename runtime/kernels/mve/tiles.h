/* SPDX-License-Identifier: Apache-2.0
 *
 * Dot products of four channels with two pixels, or of eight with one.  Blocks are unrolled and entered in the middle,
 * so that any number of them is one loop; up to three blocks of two pixels stay in registers for all channels.
 */
#ifndef GROAT_MVE_TILES_H
#define GROAT_MVE_TILES_H

#include <stdint.h>

#include "pairs.h"

/* Weights of a quad: four biases, then `blocks` blocks of 4 x 16 weights. */
static inline uint32_t quad_bytes_of(uint32_t blocks)
{
    return 16 + 64 * blocks;
}

/* Pairs of pixels, from windows to outputs; start_pairs has been called. */
static void run_pairs_of_tiles(pair_loop *loop, uint32_t blocks);

/* sums[quad][channel] of one pixel, and room for one quad more if their number is odd. */
static void tiles_of_one(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums, uint32_t quads);

#if defined(__ARM_FEATURE_MVE)

/* Blocks of two pixels at r3 and r5, which move on or not. */
#define BLOCK_AT(x, y)          \
    "vldrb.u8 q0, " x "\n"      \
    "vldrw.u32 q2, [r1], #16\n" \
    "vldrb.u8 q1, " y "\n"      \
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
#define BLOCK_OF_TWO BLOCK_AT("[r3], #16", "[r5], #16")
#define BLOCK_THERE(at) BLOCK_AT("[r3, #" at "]", "[r5, #" at "]")
enum {
    BLOCK_OF_TWO_BYTES = 14 * 4,
    BLOCKS_OF_TWO = 9,      /* unrolled: three rows of three taps, and what is a multiple of three */
    MOST_OF_FEW_BLOCKS = 4
};

/* Four channels' weights with vectors that stay: the first pixel's x, the second's y. */
#define CHANNEL_OF_FEW(w, x, y, first, second) \
    "vldrw.u32 " w ", [r1], #16\n"             \
    "vmladava.s8 " first ", " w ", " x "\n"    \
    "vmladava.s8 " second ", " w ", " y "\n"
#define BLOCK_OF_FEW(v, w, x, y)         \
    CHANNEL_OF_FEW(v, x, y, "r0", "r8")  \
    CHANNEL_OF_FEW(w, x, y, "r2", "r10") \
    CHANNEL_OF_FEW(v, x, y, "r4", "r12") \
    CHANNEL_OF_FEW(w, x, y, "r6", "lr")
#define NEXT_OF_FEW(quad) \
    PUSH_SUMS             \
    "cmp sp, r9\n"        \
    "bne.w " quad "\n"    \
    "ldr pc, [r7, #68]\n"

/* Sums with 20 of any number of blocks, with 21 of one, 22 of two, 23 of three, 24 of four, 25 of nine. */
/* clang-format off */
__attribute__((naked, noinline)) static void run_tiles_of_two(pair_loop *loop)
{
    __asm__("adr.w r1, 31f\n"
            "ldr r2, [r0, #16]\n"
            "add r1, r2\n"
            "str r1, [r0, #16]\n"
            PAIRS_ENTER
            "20:\n"
            "ldm r7, {r3, r5, r6, r9}\n"
            "30:\n"
            BIASES
            "ldr pc, [r7, #16]\n"
            ".p2align 2\n"
            "31:\n"
            BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO BLOCK_OF_TWO
            BLOCK_OF_TWO
            "subs.w r9, r9, #1\n"
            "bne.w 31b\n"
            PUSH_SUMS
            "ldm r7, {r3, r5, r6, r9}\n"
            "cmp sp, r6\n"
            "bne.w 30b\n"
            "ldr pc, [r7, #68]\n"
            "21:\n"
            "ldm r7, {r3, r5, r9}\n"
            "vldrb.u8 q0, [r3]\n"
            "vldrb.u8 q1, [r5]\n"
            "32:\n"
            BIASES
            BLOCK_OF_FEW("q6", "q7", "q0", "q1")
            NEXT_OF_FEW("32b")
            "22:\n"
            "ldm r7, {r3, r5, r9}\n"
            "vldrb.u8 q0, [r3]\n"
            "vldrb.u8 q1, [r5]\n"
            "vldrb.u8 q2, [r3, #16]\n"
            "vldrb.u8 q3, [r5, #16]\n"
            "33:\n"
            BIASES
            BLOCK_OF_FEW("q6", "q7", "q0", "q1")
            BLOCK_OF_FEW("q6", "q7", "q2", "q3")
            NEXT_OF_FEW("33b")
            "23:\n"
            "ldm r7, {r3, r5, r9}\n"
            "vldrb.u8 q0, [r3]\n"
            "vldrb.u8 q1, [r5]\n"
            "vldrb.u8 q2, [r3, #16]\n"
            "vldrb.u8 q3, [r5, #16]\n"
            "vldrb.u8 q4, [r3, #32]\n"
            "vldrb.u8 q5, [r5, #32]\n"
            "34:\n"
            BIASES
            BLOCK_OF_FEW("q6", "q7", "q0", "q1")
            BLOCK_OF_FEW("q6", "q7", "q2", "q3")
            BLOCK_OF_FEW("q6", "q7", "q4", "q5")
            NEXT_OF_FEW("34b")
            "24:\n" /* four and nine blocks, without a loop */
            "ldm r7, {r3, r5, r9}\n"
            "35:\n"
            BIASES
            BLOCK_THERE("0") BLOCK_THERE("16") BLOCK_THERE("32") BLOCK_THERE("48")
            NEXT_OF_FEW("35b")
            "25:\n"
            "ldm r7, {r3, r5, r9}\n"
            "adds r3, #64\n"
            "adds r5, #64\n"
            "36:\n"
            BIASES
            BLOCK_THERE("-64") BLOCK_THERE("-48") BLOCK_THERE("-32") BLOCK_THERE("-16") BLOCK_THERE("0")
            BLOCK_THERE("16") BLOCK_THERE("32") BLOCK_THERE("48") BLOCK_THERE("64")
            NEXT_OF_FEW("36b")
            PAIRS_SCALE
            PAIRS_TABLE
            ".word 20b - 90b + 1\n"
            ".word 21b - 90b + 1\n"
            ".word 22b - 90b + 1\n"
            ".word 23b - 90b + 1\n"
            ".word 24b - 90b + 1\n"
            ".word 25b - 90b + 1\n");
}
/* clang-format on */

/* What the loop over one pixel reloads; offsets are written out in the assembly. */
typedef struct tile_loop {
    int32_t *end;           /* r0: of the sums */
    uint32_t quad_bytes;    /* r3: from a quad to the one beside it */
    const int8_t *x;        /* r5 */
    uint32_t turns;         /* r9: of the unrolled loop */
    uint32_t entry;         /* 16: where the loop is entered */
} tile_loop;

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
    BLOCK_OF_ONE_BYTES = 17 * 4,
    BLOCKS_OF_ONE = 4
};

/* Two quads at a time.  r0: the loop; r1: weights; r2: sums; r3: bytes to skip to the entry, and the Thumb bit. */
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

/* What is not in the first turn of the loop. */
static inline uint32_t skipped(uint32_t blocks, uint32_t turns, uint32_t unrolled, uint32_t block_bytes)
{
    return (turns * unrolled - blocks) * block_bytes + 1;
}

static void run_pairs_of_tiles(pair_loop *loop, uint32_t blocks)
{
    loop->turns = (blocks + BLOCKS_OF_TWO - 1) / BLOCKS_OF_TWO;
    loop->entry = skipped(blocks, loop->turns, BLOCKS_OF_TWO, BLOCK_OF_TWO_BYTES);
    loop->sum_with = blocks <= MOST_OF_FEW_BLOCKS ? blocks : blocks == 9 ? SUM_WITH_NINE_BLOCKS : SUM_WITH_TILES;
    loop->rest_group = loop->sum_with;
    run_tiles_of_two(loop);
}

static void tiles_of_one(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums, uint32_t quads)
{
    const uint32_t quad_bytes = quad_bytes_of(blocks);
    const uint32_t turns = (blocks + BLOCKS_OF_ONE - 1) / BLOCKS_OF_ONE;
    const uint32_t skip = skipped(blocks, turns, BLOCKS_OF_ONE, BLOCK_OF_ONE_BYTES);
    uint32_t even = quads & ~1u;
    tile_loop loop = {
        .end = sums + 4 * even,
        .quad_bytes = quad_bytes,
        .x = x,
        .turns = turns,
    };
    if (even > 0) {
        run_tiles_of_one(&loop, weights, sums, skip);
    }
    if (even < quads) { /* the last one beside itself */
        loop.end += 8;
        loop.quad_bytes = 0;
        run_tiles_of_one(&loop, weights + even * quad_bytes, sums + 4 * even, skip);
    }
}

#else

static inline const int8_t *tile(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums)
{
    uint32_t acc[4];
    for (uint32_t i = 0; i < 4; i++) {
        acc[i] = (uint32_t)((const int32_t *)(const void *)weights)[i];
    }
    weights += sizeof(acc);
    for (uint32_t i = 0; i < 64 * blocks; i++) {
        acc[i / 16 % 4] += (uint32_t)(*weights++ * x[i / 64 * 16 + i % 16]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        sums[i] = (int32_t)acc[i];
    }
    return weights;
}

static void sum_tiles(const pair_loop *loop, const int8_t **weights, uint32_t quads, int32_t *sums)
{
    for (int32_t *to = sums + 8 * quads; to > sums;) {
        to -= 8;
        tile(*weights, loop->turns, loop->x, to);
        *weights = tile(*weights, loop->turns, loop->second, to + 4);
    }
}

static void run_pairs_of_tiles(pair_loop *loop, uint32_t blocks)
{
    loop->turns = blocks;
    run_pairs(loop, sum_tiles);
}

static void tiles_of_one(const int8_t *weights, uint32_t blocks, const int8_t *x, int32_t *sums, uint32_t quads)
{
    for (uint32_t q = 0; q < quads; q++) {
        weights = tile(weights, blocks, x, sums + 4 * q);
    }
}

#endif
#endif
