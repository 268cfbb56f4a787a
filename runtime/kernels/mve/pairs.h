/* SPDX-License-Identifier: Apache-2.0
 *
 * What both convolutions do alike with pairs of neighbouring pixels, in assembly: channels go by sixteen, as four quads
 * whose sums are pushed onto the stack, eight with one instruction, and scaled from there; then come the channels that
 * are over, and then the next pair.  Nothing but the sums themselves (tiles.h, filters.h) is different.
 *
 * In assembly, because eight sums take all even general registers, the link register among them: a compiler will not
 * give that up.  On the host the same is done in C.
 */
#ifndef GROAT_MVE_PAIRS_H
#define GROAT_MVE_PAIRS_H

#include <stddef.h>

#include "scale.h"

/* The assembly reads it by offsets.  It keeps the fields up to `second`, `stop`, `first_out` and `second_out`, `then`
 * and `scale` up to date, and fills in `group` and what follows it from the numbers at the end. */
typedef struct pair_loop {
    const int8_t *x;                /* 0, r3: of a pair's first pixel */
    const int8_t *second;           /* 4, r5 */
    uint32_t stop;                  /* 8, r6 or r9: where the stack is when all sums of some quads are on it */
    uint32_t turns;                 /* 12, r9: of an unrolled loop */
    uint32_t entry;                 /* 16: bytes to skip of its first turn; then where that is entered */
    const groat_quad *whole_end;    /* 20: of the quads that are in sixteens */
    const int8_t *weights;          /* 24, r1 */
    int8_t *first_out;              /* 28, r2 */
    int8_t *second_out;             /* 32, r4 */
    uint32_t step;                  /* 36, r6: bytes from a pair to the next */
    uint32_t out_step;              /* 40, r8: to the next pair's outputs, less those in sixteens */
    const int8_t *last;             /* 44, r10: `x` behind the last pair */
    const groat_quad *quads;        /* 48, r11 */
    uint32_t rest_bytes;            /* 52: of the sums of what is over of sixteen */
    void (*scale_pair)(struct pair_loop *loop, const int32_t *sums, const groat_quad *quads); /* 56 */
    int32_t zero_point;             /* 60 */
    uint32_t group;                 /* 64: where quads are summed */
    uint32_t then;                  /* 68: what comes after it */
    uint32_t whole;                 /* 72: of these, what scales sixteen channels */
    uint32_t rest;                  /* 76: and what scales the others */
    uint32_t start;                 /* 80: where a pair starts */
    uint32_t sum_with;              /* 84: a number of SUM_WITH */
    uint32_t scale_whole_with;      /* 88: a number of SCALE_WITH */
    uint32_t scale_rest_with;       /* 92: the same */
    uint32_t rest_group;            /* 96: a number of SUM_WITH, then where the rest is summed */
    const groat_scaling *scaling;   /* 100 */
    uint32_t channels;              /* 104 */
    uint32_t vectors;               /* 108: of a window; these are for filters.h */
    uint32_t vector_step;           /* 112: four words */
    uint32_t offsets[4];            /* 116: of the words in a vector */
} pair_loop;

/* The numbers of how sums are made; the two kernels have their own. */
enum {
    SUM_WITH_TILES = 0,
    SUM_WITH_ONE_BLOCK,
    SUM_WITH_TWO_BLOCKS,
    SUM_WITH_THREE_BLOCKS,
    SUM_WITH_FOUR_BLOCKS,
    SUM_WITH_NINE_BLOCKS,
    SUM_WITH_FILTERS = 0,
    SUM_WITH_FILTERS_OF_EIGHT,  /* and perhaps four more */
    SUM_WITH_FILTERS_OF_FOUR,
    SUM_WITH_ONE_VECTOR         /* from here on the same three */
};

/* How a group of quads is scaled: by a call, or in place. */
enum {
    SCALE_WITH_CALL,
    SCALE_WITH_CALL_REST,
    SCALE_WITH_BYTES,
    SCALE_WITH_DOWN,
    SCALE_WITH_BYTES_REST,  /* eight channels */
    SCALE_WITH_DOWN_REST
};

/* What of a pair does not depend on how it is summed. */
static inline void start_pairs(pair_loop *loop, const groat_scaling *scaling, const int8_t *weights,
                               const groat_quad *quads, uint32_t channels, const int8_t *x, uint32_t step, int8_t *out,
                               uint32_t out_stride, uint32_t pairs)
{
    uint32_t rest = channels % 16, in_place = scaling->kind == SCALE_BYTES || scaling->kind == SCALE_DOWN;
    loop->x = x;
    loop->second = x + step;
    loop->whole_end = quads + channels / 16 * 4;
    loop->weights = weights;
    loop->first_out = out;
    loop->second_out = out + out_stride;
    loop->step = 2 * step;
    loop->out_step = 2 * out_stride - (channels - rest);
    loop->last = x + 2 * step * pairs;
    loop->quads = quads;
    loop->rest_bytes = quads_of(rest) * 32;
    loop->scale_pair = groat_scale_pair_mve;
    loop->zero_point = scaling->zero_point;
    loop->scale_whole_with = !in_place                      ? SCALE_WITH_CALL
                             : scaling->kind == SCALE_BYTES ? SCALE_WITH_BYTES
                                                            : SCALE_WITH_DOWN;
    loop->scale_rest_with = !in_place || rest != 8         ? SCALE_WITH_CALL_REST
                            : scaling->kind == SCALE_BYTES ? SCALE_WITH_BYTES_REST
                                                           : SCALE_WITH_DOWN_REST;
    loop->scaling = scaling;
    loop->channels = channels;
}

#if defined(__ARM_FEATURE_MVE)

/* clang-format off */

/* Where control goes is looked up in a table at 90 behind all, whose entries are relative to it and odd, as Thumb wants
 * them: first those of SCALE_WITH, then those of SUM_WITH. */
#define PAIRS_TABLE         \
    ".p2align 2\n"          \
    "90:\n"                 \
    ".word 61b - 90b + 1\n" \
    ".word 62b - 90b + 1\n" \
    ".word 63b - 90b + 1\n" \
    ".word 64b - 90b + 1\n" \
    ".word 65b - 90b + 1\n" \
    ".word 66b - 90b + 1\n"
#define PAIRS_TABLE_ENTRIES "24"

/* r0: the loop.  Saves what must be saved, looks up where the parts are, and starts the first pair. */
#define PAIRS_ENTER                            \
    "push {r3-r11, lr}\n"                      \
    "vpush {d8-d15}\n"                         \
    "mov r7, r0\n"                             \
    "sub.w r0, sp, #128\n"                     \
    "str r0, [r7, #8]\n"                       \
    "adr.w r2, 90f\n"                          \
    "ldrd r0, r1, [r7, #84]\n"                 \
    "ldrd r3, r4, [r7, #92]\n"                 \
    "add.w r0, r2, r0, lsl #2\n"               \
    "add.w r4, r2, r4, lsl #2\n"               \
    "ldr r0, [r0, #" PAIRS_TABLE_ENTRIES "]\n" \
    "ldr r4, [r4, #" PAIRS_TABLE_ENTRIES "]\n" \
    "ldr.w r1, [r2, r1, lsl #2]\n"             \
    "ldr.w r3, [r2, r3, lsl #2]\n"             \
    "add r0, r2\n"                             \
    "add r1, r2\n"                             \
    "add r3, r2\n"                             \
    "add r4, r2\n"                             \
    "strd r0, r1, [r7, #64]\n"                 \
    "strd r1, r3, [r7, #72]\n"                 \
    "str r4, [r7, #96]\n"                      \
    "ldr r4, [r7, #20]\n"                      \
    "ldr r1, [r7, #24]\n"                      \
    "ldr.w r11, [r7, #48]\n"                   \
    "cmp r4, r11\n"                            \
    "itt eq\n"                                 \
    "adreq.w r0, 7f\n"                         \
    "addeq r0, #1\n"                           \
    "str r0, [r7, #80]\n"                      \
    "ldrd r3, r5, [r7]\n"                      \
    "bx r0\n"

/* The sums of two pixels: from their biases on, and onto the stack. */
#define BIASES                      \
    "ldm r1, {r0, r2, r4, r6}\n"    \
    "ldm r1!, {r8, r10, r12, lr}\n"
#define PUSH_SUMS "push {r0, r2, r4, r6, r8, r10, r12, lr}\n"

/* Four sums of two pixels, some way up the stack, times their multipliers at r11, shifted. */
#define SCALE_QUAD(at, next, a, b, constant, fix)     \
    "vldrw.u32 " constant ", [r11], #16\n"            \
    "vldrw.u32 " a ", [sp, #" at "]\n"                \
    "vldrw.u32 " b ", [sp, #" next "]\n"              \
    "vqrdmulh.s32 " a ", " a ", " constant "\n"       \
    "vqrdmulh.s32 " b ", " b ", " constant "\n"       \
    "vldrw.u32 " constant ", [r11], #16\n"            \
    fix                                               \
    "vrshl.s32 " a ", " a ", " constant "\n"          \
    "vrshl.s32 " b ", " b ", " constant "\n"
/* Ties of negative numbers go down. */
#define TIES(a, b, t)                \
    "vshr.s32 " t ", " a ", #31\n"   \
    "vadd.i32 " a ", " a ", " t "\n" \
    "vshr.s32 " t ", " b ", #31\n"   \
    "vadd.i32 " b ", " b ", " t "\n"
#define NO_TIES(a, b, t) ""
/* Two quads side by side in the 16-bit lanes of q0 and q1; four in these and in q2 and q3. */
#define SCALE_EIGHT(at, next, at2, next2, bottom, top, fix)         \
    SCALE_QUAD(at, next, "q0", "q1", "q6", fix("q0", "q1", "q7"))   \
    bottom " q0, q0\n"                                              \
    bottom " q1, q1\n"                                              \
    SCALE_QUAD(at2, next2, "q2", "q3", "q6", fix("q2", "q3", "q7")) \
    top " q0, q2\n"                                                 \
    top " q1, q3\n"
#define SCALE_SIXTEEN(bottom, top, fix)                             \
    SCALE_EIGHT("96", "112", "64", "80", bottom, top, fix)          \
    SCALE_QUAD("32", "48", "q2", "q3", "q6", fix("q2", "q3", "q7")) \
    bottom " q2, q2\n"                                              \
    bottom " q3, q3\n"                                              \
    SCALE_QUAD("0", "16", "q4", "q5", "q6", fix("q4", "q5", "q7"))  \
    top " q2, q4\n"                                                 \
    top " q3, q5\n"
#define STORE_SIXTEEN          \
    "ldrd r0, r2, [r7, #28]\n" \
    "vstrb.8 q0, [r0], #16\n"  \
    "vstrb.8 q1, [r2], #16\n"  \
    "strd r0, r2, [r7, #28]\n"
#define STORE_EIGHT            \
    "ldrd r0, r2, [r7, #28]\n" \
    "vstrb.16 q0, [r0]\n"      \
    "vstrb.16 q1, [r2]\n"

/* After a group: the next, or what is over. */
#define NEXT_GROUP(rest)     \
    "ldr r0, [r7, #20]\n"    \
    "add sp, #128\n"         \
    "cmp r11, r0\n"          \
    "beq " rest "\n"         \
    "ldr pc, [r7, #64]\n"
/* After what is over: its sums go, `stop` and `then` are set for whole groups again, and the next pair comes. */
#define REST_DONE          \
    "ldr r0, [r7, #52]\n"  \
    "ldr r2, [r7, #72]\n"  \
    "add sp, r0\n"         \
    "sub.w r0, sp, #128\n" \
    "str r0, [r7, #8]\n"   \
    "str r2, [r7, #68]\n"  \
    "b 8b\n"
#define CALL_SCALE        \
    "mov r6, r1\n"        \
    "mov r4, r3\n"        \
    "mov r0, r7\n"        \
    "mov r1, sp\n"        \
    "mov r2, r11\n"       \
    "ldr r3, [r7, #56]\n" \
    "blx r3\n"            \
    "mov r1, r6\n"        \
    "mov r3, r4\n"

/* 61 to 66 scale: by a call, by bytes, down; 7 does what is over; 8 goes to the next pair, or leaves. */
#define PAIRS_SCALE                                                             \
    "63:\n"                                                                     \
    SCALE_SIXTEEN("vqmovunb.s32", "vqmovunt.s32", NO_TIES)                      \
    "vqmovnb.u16 q0, q0\n"                                                      \
    "vqmovnb.u16 q1, q1\n"                                                      \
    "vmov.i8 q4, #0x80\n"                                                       \
    "vqmovnt.u16 q0, q2\n"                                                      \
    "vqmovnt.u16 q1, q3\n"                                                      \
    "veor q0, q0, q4\n"                                                         \
    "veor q1, q1, q4\n"                                                         \
    STORE_SIXTEEN                                                               \
    NEXT_GROUP("7f")                                                            \
    "7:\n"                                                                      \
    "ldr r0, [r7, #52]\n"                                                       \
    "ldr r6, [r7, #76]\n"                                                       \
    "cbz r0, 8f\n"                                                              \
    "sub.w r0, sp, r0\n"                                                        \
    "str r0, [r7, #8]\n"                                                        \
    "str r6, [r7, #68]\n"                                                       \
    "ldr pc, [r7, #96]\n"                                                       \
    "8:\n"                                                                      \
    "ldrd r3, r5, [r7]\n"                                                       \
    "add.w r0, r7, #24\n"                                                       \
    "ldm r0, {r1, r2, r4, r6, r8, r10, r11}\n"                                  \
    "add r3, r6\n"                                                              \
    "add r5, r6\n"                                                              \
    "add r2, r8\n"                                                              \
    "add r4, r8\n"                                                              \
    "strd r3, r5, [r7]\n"                                                       \
    "strd r2, r4, [r7, #28]\n"                                                  \
    "cmp r3, r10\n"                                                             \
    "beq 9f\n"                                                                  \
    "ldr pc, [r7, #80]\n"                                                       \
    "9:\n"                                                                      \
    "vpop {d8-d15}\n"                                                           \
    "pop {r3-r11, pc}\n"                                                        \
    "64:\n"                                                                     \
    SCALE_SIXTEEN("vqmovnb.s32", "vqmovnt.s32", TIES)                           \
    "ldr r0, [r7, #60]\n"                                                       \
    "vqadd.s16 q0, q0, r0\n"                                                    \
    "vqadd.s16 q1, q1, r0\n"                                                    \
    "vqadd.s16 q2, q2, r0\n"                                                    \
    "vqadd.s16 q3, q3, r0\n"                                                    \
    "vqmovnb.s16 q0, q0\n"                                                      \
    "vqmovnb.s16 q1, q1\n"                                                      \
    "vqmovnt.s16 q0, q2\n"                                                      \
    "vqmovnt.s16 q1, q3\n"                                                      \
    STORE_SIXTEEN                                                               \
    NEXT_GROUP("7b")                                                            \
    "65:\n"                                                                     \
    SCALE_EIGHT("32", "48", "0", "16", "vqmovunb.s32", "vqmovunt.s32", NO_TIES) \
    "vmov.i16 q4, #0x80\n"                                                      \
    "vqmovnb.u16 q0, q0\n"                                                      \
    "vqmovnb.u16 q1, q1\n"                                                      \
    "veor q0, q0, q4\n"                                                         \
    "veor q1, q1, q4\n"                                                         \
    STORE_EIGHT                                                                 \
    REST_DONE                                                                   \
    "66:\n"                                                                     \
    SCALE_EIGHT("32", "48", "0", "16", "vqmovnb.s32", "vqmovnt.s32", TIES)      \
    "ldr r0, [r7, #60]\n"                                                       \
    "vqadd.s16 q0, q0, r0\n"                                                    \
    "vqadd.s16 q1, q1, r0\n"                                                    \
    "vqmovnb.s16 q0, q0\n"                                                      \
    "vqmovnb.s16 q1, q1\n"                                                      \
    STORE_EIGHT                                                                 \
    REST_DONE                                                                   \
    "61:\n"                                                                     \
    CALL_SCALE                                                                  \
    "add.w r11, r11, #128\n"                                                    \
    NEXT_GROUP("7b")                                                            \
    "62:\n"                                                                     \
    CALL_SCALE                                                                  \
    REST_DONE

/* clang-format on */

_Static_assert(offsetof(pair_loop, offsets) == 116, "the assembly's offsets");

#else

/* The same in C: `sum` leaves the sums of `quads` quads, the last one first, and moves the weights on. */
static inline void run_pairs(pair_loop *loop,
                             void (*sum)(const pair_loop *loop, const int8_t **weights, uint32_t quads, int32_t *sums))
{
    int32_t sums[4 * 8];
    for (; loop->x != loop->last; loop->x += loop->step, loop->second += loop->step) {
        const int8_t *weights = loop->weights;
        const groat_quad *quads = loop->quads;
        for (; quads < loop->whole_end; quads += 4) {
            sum(loop, &weights, 4, sums);
            loop->scale_pair(loop, sums, quads);
        }
        if (loop->rest_bytes > 0) {
            sum(loop, &weights, loop->rest_bytes / 32, sums);
            loop->scale_pair(loop, sums, quads);
        }
        loop->first_out += loop->out_step;
        loop->second_out += loop->out_step;
    }
}

#endif
#endif
