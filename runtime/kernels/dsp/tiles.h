/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop in assembly that makes outputs of Winograd's sums, of one tile and channel after the other: two tiles take a
 * channel, then the next one.
 */
#ifndef GROAT_DSP_TILES_H
#define GROAT_DSP_TILES_H

#include "dsp.h"

/* clang-format off */

/* To r7, the sums of a tile and channel, 16 bytes from a place to the next.  The frame: strides of the output; where this
 * tile goes, and the other; the channel, and the end of the first place's sums. */
#define ENTER_OUTPUTS                   \
    ".syntax unified\n"                 \
    "push {r4-r11, lr}\n"               \
    "sub sp, #28\n"                     \
    "ldr r7, [r0, #8]\n"                \
    "ldrd r1, r2, [r0, #28]\n"          \
    "strd r1, r2, [sp]\n"               \
    "ldrd r1, r2, [r0, #20]\n"          \
    "strd r1, r2, [sp, #8]\n"           \
    "ldr r3, [r0, #16]\n"               \
    "add r4, r7, #16\n"                 \
    "strd r3, r4, [sp, #16]\n"          \
    "1:\n"

/* The next tile and channel.  Both tiles have had a channel where r7 becomes a multiple of 8. */
#define NEXT_OUTPUTS                    \
    "ldrd r0, r1, [sp, #8]\n"           \
    "ldrd r2, r3, [sp, #16]\n"          \
    "adds r0, #1\n"                     \
    "strd r1, r0, [sp, #8]\n"           \
    "adds r7, #4\n"                     \
    "tst r7, #4\n"                      \
    "it eq\n"                           \
    "addeq r2, r2, #16\n"               \
    "str r2, [sp, #16]\n"               \
    "cmp r7, r3\n"                      \
    "bne.w 1b\n"                        \
    "add sp, #28\n"                     \
    "pop {r4-r11, pc}\n"

/* clang-format on */

#endif
