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

#include "pairs.h"

/* Pairs of pixels, from interleaved input to outputs; start_pairs has been called, and `vectors`, `vector_step` and
 * `offsets` are set. */
static void run_pairs_of_filters(pair_loop *loop);

/* sums[quad][channel] of a single pixel, the loop's first. */
static void sum_one_of_filters(const pair_loop *loop, int32_t *sums);

#if defined(__ARM_FEATURE_MVE)

/* A vector of a channel; q0 and q1 have the addresses of the first channel's words. */
#define LANE(at, first, second)       \
    "vldrw.u32 q2, [r1], #16\n"       \
    "vldrw.u32 q3, [q0, #" at "]\n"   \
    "vldrw.u32 q4, [q1, #" at "]\n"   \
    "vmladava.s8 " first ", q2, q3\n" \
    "vmladava.s8 " second ", q2, q4\n"
#define LANES(a, b, c, d) LANE(a, "r0", "r8") LANE(b, "r2", "r10") LANE(c, "r4", "r12") LANE(d, "r6", "lr")
#define ADDRESSES           \
    "vadd.i32 q0, q7, r3\n" \
    "vadd.i32 q1, q7, r5\n"
#define SHORT_QUAD(a, b, c, d) BIASES LANES(a, b, c, d) PUSH_SUMS
#define LONG_QUAD(a, b, c, d)                                         \
    BIASES ADDRESSES "ldr.w r9, [r7, #108]\n"                         \
                     "3:\n" LANES(a, b, c, d) "vadd.i32 q0, q0, q5\n" \
                                              "vadd.i32 q1, q1, q5\n" \
                                              "subs.w r9, r9, #1\n"   \
                                              "bne 3b\n" PUSH_SUMS
#define SIXTEEN_CHANNELS(quad) \
    quad("0", "16", "32", "48") quad("8", "24", "40", "56") quad("4", "20", "36", "52") quad("12", "28", "44", "60")
#define EIGHT_CHANNELS(quad) quad("0", "8", "16", "24") quad("4", "12", "20", "28")
#define FOUR_CHANNELS(quad) quad("0", "4", "8", "12")
#define ENTER_SHORT "vldrw.u32 q7, [r7, #116]\n" ADDRESSES
#define ENTER_LONG               \
    "ldr r0, [r7, #112]\n"       \
    "vldrw.u32 q7, [r7, #116]\n" \
    "vdup.32 q5, r0\n"
#define MOVE_ON(bytes)      \
    "adds r3, #" bytes "\n" \
    "adds r5, #" bytes "\n"
#define FOUR_MORE          \
    "ldr.w r9, [r7, #8]\n" \
    "cmp sp, r9\n"         \
    "bne.w 4f\n"           \
    "ldr pc, [r7, #68]\n"  \
    "4:\n" MOVE_ON("32")

/* Sums with 20, 21 and 22 of sixteen, eight and four channels' any number of vectors, from 23 on of one vector. */
/* clang-format off */
__attribute__((naked, noinline)) static void run_filters_of_two(pair_loop *loop)
{
    __asm__(PAIRS_ENTER
            "20:\n"
            ENTER_LONG
            SIXTEEN_CHANNELS(LONG_QUAD)
            MOVE_ON("64")
            "ldr pc, [r7, #68]\n"
            "21:\n"
            ENTER_LONG
            EIGHT_CHANNELS(LONG_QUAD)
            FOUR_MORE
            "22:\n"
            ENTER_LONG
            FOUR_CHANNELS(LONG_QUAD)
            "ldr pc, [r7, #68]\n"
            "23:\n"
            ENTER_SHORT
            SIXTEEN_CHANNELS(SHORT_QUAD)
            MOVE_ON("64")
            "ldr pc, [r7, #68]\n"
            "24:\n"
            ENTER_SHORT
            EIGHT_CHANNELS(SHORT_QUAD)
            FOUR_MORE
            "25:\n"
            ENTER_SHORT
            FOUR_CHANNELS(SHORT_QUAD)
            "ldr pc, [r7, #68]\n"
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

/* A vector of a channel of one pixel. */
#define LANE_OF_ONE(at, sum)        \
    "vldrw.u32 q2, [r1], #16\n"     \
    "vldrw.u32 q3, [q0, #" at "]\n" \
    "vmladava.s8 " sum ", q2, q3\n"
#define QUAD_OF_ONE(a, b, c, d)                                           \
    "ldm r1!, {r0, r2, r4, r6}\n"                                         \
    "vadd.i32 q0, q1, r3\n"                                               \
    "dls lr, r9\n"                                                        \
    "3:\n" LANE_OF_ONE(a, "r0") LANE_OF_ONE(b, "r2") LANE_OF_ONE(c, "r4") \
        LANE_OF_ONE(d, "r6") "vadd.i32 q0, q0, r5\n"                      \
                             "le lr, 3b\n"                                \
                             "stm r11!, {r0, r2, r4, r6}\n"

/* r0: the loop; r1: sums; r2: groups of sixteen channels; r3: the number of quads over. */
/* clang-format off */
__attribute__((naked, noinline)) static void run_filters_of_one(const pair_loop *loop, int32_t *sums, uint32_t groups,
                                                                uint32_t rest)
{
    __asm__("push {r4-r11, lr}\n"
            "mov r7, r0\n"
            "mov r11, r1\n"
            "mov r8, r2\n"
            "mov r10, r3\n"
            "ldr r1, [r7, #24]\n"
            "ldr r3, [r7]\n"
            "ldrd r9, r5, [r7, #108]\n"
            "vldrw.u32 q1, [r7, #116]\n"
            "cmp r8, #0\n"
            "beq.w 2f\n"
            "1:\n"
            SIXTEEN_CHANNELS(QUAD_OF_ONE)
            "adds r3, #64\n"
            "subs.w r8, r8, #1\n"
            "bne.w 1b\n"
            "2:\n"
            "subs.w r10, r10, #2\n"
            "blo.w 4f\n"
            EIGHT_CHANNELS(QUAD_OF_ONE)
            "adds r3, #32\n"
            "sub.w r10, r10, #2\n"
            "4:\n"
            "adds.w r10, r10, #2\n"
            "beq.w 5f\n"
            FOUR_CHANNELS(QUAD_OF_ONE)
            "5:\n"
            "pop {r4-r11, pc}\n");
}
/* clang-format on */

static void sum_one_of_filters(const pair_loop *loop, int32_t *sums)
{
    uint32_t groups = loop->channels / 16, rest = loop->rest_bytes / 32;
    run_filters_of_one(loop, sums, groups + rest / 4, rest % 4);
}

static void run_pairs_of_filters(pair_loop *loop)
{
    uint32_t sum = loop->vectors == 1 ? SUM_WITH_ONE_VECTOR : SUM_WITH_FILTERS, rest = loop->rest_bytes / 32;
    loop->sum_with = sum;
    loop->rest_group = sum + (rest == 4  ? SUM_WITH_FILTERS
                              : rest > 1 ? SUM_WITH_FILTERS_OF_EIGHT
                                         : SUM_WITH_FILTERS_OF_FOUR);
    run_filters_of_two(loop);
}

#else

/* Which channel a lane of a quad is, counted from the first of a group of `quads` quads; four of them are sixteen
 * channels, less are what is over (scale.h). */
static inline uint32_t channel_of(uint32_t quads, uint32_t quad, uint32_t lane)
{
    if (quads == 4) {
        return 4 * lane + (quad % 2) * 2 + quad / 2;
    }
    return quads > 1 && quad < 2 ? 2 * lane + quad : 4 * quad + lane;
}

static inline int32_t filter(const pair_loop *loop, const int8_t *weights, const int8_t *x, int32_t sum)
{
    uint32_t acc = (uint32_t)sum;
    for (uint32_t v = 0; v < loop->vectors; v++, x += loop->vector_step, weights += 64) {
        for (uint32_t i = 0; i < 16; i++) {
            acc += (uint32_t)(weights[i] * x[loop->offsets[i / 4] + i % 4]);
        }
    }
    return (int32_t)acc;
}

static void sum_filters(const pair_loop *loop, const int8_t **weights, uint32_t quads, int32_t *sums)
{
    const uint32_t quad_bytes = 16 + 64 * loop->vectors;
    uint32_t first = (uint32_t)(*weights - loop->weights) / quad_bytes * 4;
    for (uint32_t q = 0; q < quads; q++, *weights += quad_bytes) {
        for (uint32_t lane = 0; lane < 4; lane++) {
            uint32_t at = (first + channel_of(quads, q, lane)) * 4;
            int32_t bias = ((const int32_t *)(const void *)*weights)[lane];
            const int8_t *w = *weights + 16 + 16 * lane;
            int32_t *to = sums + 8 * (quads - 1 - q) + lane;
            to[0] = filter(loop, w, loop->x + at, bias);
            to[4] = filter(loop, w, loop->second + at, bias);
        }
    }
}

static void sum_one_of_filters(const pair_loop *loop, int32_t *sums)
{
    const uint32_t count = quads_of(loop->channels);
    const int8_t *weights = loop->weights;
    for (uint32_t q = 0; q < count; q++, weights += 16 + 64 * loop->vectors) {
        uint32_t group = q / 4 * 4, quads = count - group < 4 ? count - group : 4;
        for (uint32_t lane = 0; lane < 4; lane++) {
            uint32_t channel = 4 * group + channel_of(quads, q - group, lane);
            int32_t bias = ((const int32_t *)(const void *)weights)[lane];
            sums[4 * q + lane] = filter(loop, weights + 16 + 16 * lane, loop->x + 4 * channel, bias);
        }
    }
}

static void run_pairs_of_filters(pair_loop *loop)
{
    run_pairs(loop, sum_filters);
}

#endif
#endif
