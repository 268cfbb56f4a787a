/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise dot products: four channels of one or two pixels, for many channels in a row.
 *
 * Input comes interleaved: a word holds four rows of one channel.  The words of a window lie at equal distances, so
 * that one gathering load brings four of them, sixteen taps, beside as many weights.
 */
#ifndef GROAT_MVE_FILTERS_H
#define GROAT_MVE_FILTERS_H

#include <stdint.h>

typedef struct filter_loop {
    const int8_t *weights;      /* 0, r1 */
    const int8_t *x;            /* 4, r3: the first word of the first pixel's window */
    const int8_t *second;       /* 8, r5: of the next pixel's */
    int32_t *end;               /* 12, r9: of this pair's sums */
    int32_t *sums;              /* 16, r11 */
    const uint32_t *offsets;    /* 20: of the words in a vector, of four channels */
    uint32_t step;              /* 24: from one pair to the next, in bytes */
    uint32_t pair_bytes;        /* 28: of a pair's sums */
    int32_t *last;              /* 32: the end of all sums */
    uint32_t vectors;           /* 36: of a window */
    uint32_t vector_step;       /* 40: four words */
} filter_loop;

#if defined(__ARM_FEATURE_MVE)

#define CHANNEL_OF_TWO(first, second, offsets) \
    "vldrw.u32 q4, [r1], #16\n"                \
    "vldrw.u32 q5, [r3, " offsets "]\n"        \
    "vmladava.s8 " first ", q4, q5\n"          \
    "vldrw.u32 q6, [r5, " offsets "]\n"        \
    "vmladava.s8 " second ", q4, q6\n"
#define QUAD_OF_TWO                  \
    CHANNEL_OF_TWO("r0", "r8", "q0") \
    CHANNEL_OF_TWO("r2", "r10", "q1") CHANNEL_OF_TWO("r4", "r12", "q2") CHANNEL_OF_TWO("r6", "lr", "q3")
#define CHANNEL_OF_ONE(sum, offsets)    \
    "vldrw.u32 q4, [r1], #16\n"         \
    "vldrw.u32 q5, [r3, " offsets "]\n" \
    "vmladava.s8 " sum ", q4, q5\n"
#define QUAD_OF_ONE \
    CHANNEL_OF_ONE("r0", "q0") CHANNEL_OF_ONE("r2", "q1") CHANNEL_OF_ONE("r4", "q2") CHANNEL_OF_ONE("r6", "q3")

#define ENTER                         \
    "push {r4-r11, lr}\n"             \
    "vpush {d8-d13}\n"                \
    "mov r7, r0\n"                    \
    "ldm r7, {r1, r3, r5, r9, r11}\n" \
    "ldr r0, [r7, #20]\n"             \
    "vldrw.u32 q0, [r0]\n"            \
    "vldrw.u32 q1, [r0, #16]\n"       \
    "vldrw.u32 q2, [r0, #32]\n"       \
    "vldrw.u32 q3, [r0, #48]\n"
#define LEAVE         \
    "vpop {d8-d13}\n" \
    "pop {r4-r11, pc}\n"
/* Moves r3, r5 and r9 on to the next pair and r1 back; goes to 1 unless r11 is at the end of all. */
#define NEXT_PAIR              \
    "ldm r7, {r1, r3, r5}\n"   \
    "ldrd r0, r2, [r7, #24]\n" \
    "ldr r4, [r7, #32]\n"      \
    "add r3, r0\n"             \
    "add r5, r0\n"             \
    "add r9, r2\n"             \
    "strd r3, r5, [r7, #4]\n"  \
    "cmp r11, r4\n"            \
    "bne 1b\n"

/* Pairs of pixels whose windows are one vector. */
__attribute__((naked, noinline)) static void run_short_of_two(filter_loop *loop)
{
    __asm__(ENTER "1:\n"
                  "ldm r1, {r0, r2, r4, r6}\n"
                  "ldm r1!, {r8, r10, r12, lr}\n" QUAD_OF_TWO "stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                  "adds r3, #16\n"
                  "adds r5, #16\n"
                  "cmp r11, r9\n"
                  "bne 1b\n" NEXT_PAIR LEAVE);
}

/* A single pixel. */
__attribute__((naked, noinline)) static void run_short_of_one(filter_loop *loop)
{
    __asm__(ENTER "1:\n"
                  "ldm r1!, {r0, r2, r4, r6}\n" QUAD_OF_ONE "stm r11!, {r0, r2, r4, r6}\n"
                  "adds r3, #16\n"
                  "cmp r11, r9\n"
                  "bne 1b\n" LEAVE);
}

/* Any number of vectors; where in the pixels' windows a quad starts is kept on the stack. */
__attribute__((naked, noinline)) static void run_long_of_two(filter_loop *loop)
{
    __asm__(ENTER "1:\n"
                  "push {r3, r5, r7, r9}\n"
                  "ldm r1, {r0, r2, r4, r6}\n"
                  "ldrd r9, r7, [r7, #36]\n"
                  "ldm r1!, {r8, r10, r12, lr}\n"
                  "2:\n" QUAD_OF_TWO "add r3, r7\n"
                  "add r5, r7\n"
                  "subs.w r9, r9, #1\n"
                  "bne 2b\n"
                  "stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                  "pop {r3, r5, r7, r9}\n"
                  "adds r3, #16\n"
                  "adds r5, #16\n"
                  "cmp r11, r9\n"
                  "bne 1b\n" NEXT_PAIR LEAVE);
}

__attribute__((naked, noinline)) static void run_long_of_one(filter_loop *loop)
{
    __asm__(ENTER "ldrd r8, r10, [r7, #36]\n"
                  "1:\n"
                  "mov r12, r8\n"
                  "mov r5, r3\n"
                  "ldm r1!, {r0, r2, r4, r6}\n"
                  "2:\n" QUAD_OF_ONE "add r3, r10\n"
                  "subs.w r12, r12, #1\n"
                  "bne 2b\n"
                  "stm r11!, {r0, r2, r4, r6}\n"
                  "add.w r3, r5, #16\n"
                  "cmp r11, r9\n"
                  "bne 1b\n" LEAVE);
}

#else

static inline const int8_t *filter(const filter_loop *loop, const int8_t *weights, const int8_t *x, int32_t *sums)
{
    uint32_t acc[4];
    for (uint32_t c = 0; c < 4; c++) {
        acc[c] = (uint32_t)((const int32_t *)(const void *)weights)[c];
    }
    weights += sizeof(acc);
    for (uint32_t v = 0; v < loop->vectors; v++, x += loop->vector_step) {
        for (uint32_t i = 0; i < 64; i++) {
            acc[i / 16] += (uint32_t)(*weights++ * x[loop->offsets[i / 4] + i % 4]);
        }
    }
    for (uint32_t c = 0; c < 4; c++) {
        sums[c] = (int32_t)acc[c];
    }
    return weights;
}

static inline void run_long_of_two(filter_loop *loop)
{
    int32_t *sums = loop->sums;
    for (const int8_t *x = loop->x, *second = loop->second; sums < loop->last; x += loop->step, second += loop->step) {
        const int8_t *weights = loop->weights;
        for (uint32_t q = 0; q < loop->pair_bytes / 32; q++, sums += 8) {
            filter(loop, weights, x + 16 * q, sums);
            weights = filter(loop, weights, second + 16 * q, sums + 4);
        }
    }
}

static inline void run_long_of_one(filter_loop *loop)
{
    const int8_t *weights = loop->weights;
    const int8_t *x = loop->x;
    for (int32_t *sums = loop->sums; sums < loop->end; sums += 4, x += 16) {
        weights = filter(loop, weights, x, sums);
    }
}

static inline void run_short_of_two(filter_loop *loop)
{
    run_long_of_two(loop);
}

static inline void run_short_of_one(filter_loop *loop)
{
    run_long_of_one(loop);
}

#endif

/* sums[pair][quad][2][channel]: the loop's x and weights are set, and what does not change between calls. */
static inline void filter_pairs(filter_loop *loop, uint32_t pixel_step, int32_t *sums, uint32_t quads, uint32_t pairs)
{
    loop->second = loop->x + pixel_step;
    loop->step = 2 * pixel_step;
    loop->sums = sums;
    loop->end = sums + 8 * quads;
    loop->pair_bytes = 32 * quads;
    loop->last = sums + 8 * quads * pairs;
    if (loop->vectors == 1) {
        run_short_of_two(loop);
    } else {
        run_long_of_two(loop);
    }
}

/* sums[quad][channel] of one pixel. */
static inline void filter_one(filter_loop *loop, int32_t *sums, uint32_t quads)
{
    loop->sums = sums;
    loop->end = sums + 4 * quads;
    if (loop->vectors == 1) {
        run_short_of_one(loop);
    } else {
        run_long_of_one(loop);
    }
}

#endif
