/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with weights that lie widened to 16 bits: nothing is unpacked, so that a block is multiplications and
 * loads alone, for twice the flash.  Panels, channels and frames are those of block_s8.c.
 *
 * For each half of a quad, a pair of channels has two words: the two weights of the first, the two of the second.
 */
#include "wide.h"

#if GROAT_DSP_ASSEMBLY

/* clang-format off */

/* Half a quad of three pixels, two channels. */
#define HALF3(MAC)                        \
    "ldmia.w r6!, {r8, r9}\n"             \
    "ldmia.w r7!, {r10, r11, r12}\n"      \
    MAC("r0", "r8", "r10")                \
    MAC("r1", "r8", "r11")                \
    MAC("r2", "r8", "r12")                \
    MAC("r3", "r9", "r10")                \
    MAC("r4", "r9", "r11")                \
    MAC("r5", "r9", "r12")
#define QUAD3(FIRST) HALF3(FIRST) HALF3(SMLAD)
#define QUAD3_BYTES "64"

/* One pixel: two quads share a load of weights. */
#define HALVES1(a0, a1, b0, b1)           \
    SMLAD("r0", a0, "r12")                \
    SMLAD("r1", a1, "r12")                \
    SMLAD("r0", b0, "lr")                 \
    SMLAD("r1", b1, "lr")
#define QUAD1                             \
    "ldmia.w r6!, {r2, r3, r4, r5}\n"     \
    "ldmia.w r7!, {r12, lr}\n"            \
    HALVES1("r2", "r3", "r4", "r5")
#define OCTET1                                            \
    "ldmia.w r6!, {r2, r3, r4, r5, r8, r9, r10, r11}\n"   \
    "ldmia.w r7!, {r12, lr}\n"                            \
    HALVES1("r2", "r3", "r4", "r5")                       \
    "ldmia.w r7!, {r12, lr}\n"                            \
    HALVES1("r8", "r9", "r10", "r11")
#define OCTET1_BYTES "44"

/* The frame: a copy of the block's first five words (panel, its end, channels, one byte before out, out_stride), where
 * to enter the unrolled loop, and where to make outputs: at 5 the short way, or at 6 for the other function, which is
 * named inside so that profiles count what the two share as its. */
#define ENTER(other)                           \
    ".syntax unified\n"                        \
    "adr.w r12, 5f\n"                          \
    "b 0f\n"                                   \
    ".global " other "\n"                      \
    ".thumb_func\n"                            \
    ".type " other ", %function\n" other ":\n" \
    "adr.w r12, 6f\n"                          \
    "0:\n"                                     \
    "push {r4-r11, lr}\n"                      \
    "sub sp, #32\n"                            \
    "add r12, #1\n"                            \
    "ldrd r6, r5, [r0, #20]\n"                 \
    "ldm r0, {r0-r4}\n"                        \
    "str r12, [sp, #28]\n"                     \
    "subs r3, #1\n"                            \
    "stm sp, {r0-r4}\n"
#define LEAVE                                  \
    "7:\n"                                     \
    "mov r0, r7\n"                             \
    "add sp, #32\n"                            \
    "pop {r4-r11, pc}\n"

/* r5 units of work, modulo `most`, are done by jumping to so many before the end of the loop, label 3. */
#define ENTRY(most, bytes, at)            \
    "and r5, r5, #" most "-1\n"           \
    "mov r3, #" bytes "\n"                \
    "mul r5, r5, r3\n"                    \
    "adr.w r4, 3f\n"                      \
    "subs r4, r4, r5\n"                   \
    "adds r4, #1\n"                       \
    "str r4, [sp, #" at "]\n"

#define CONSTANTS "ldmia.w r7!, {r8-r11}\n"
#define NEXT_PAIR                         \
    "strd r7, lr, [sp, #8]\n"             \
    "cmp.w r11, #0\n"                     \
    "bge.w 1b\n"

#define STORE3(a, b, c)                   \
    "strb " a ", [lr, #1]!\n"             \
    "strb " b ", [lr, r12]\n"             \
    "strb " c ", [lr, r12, lsl #1]\n"
#define STORE2(a, b)                      \
    "strb " a ", [lr, #1]!\n"             \
    "strb " b ", [lr, r5]\n"

__attribute__((naked)) const dsp_channel *groat_dsp_short_wide3(__attribute__((unused)) const dsp_block *block)
{
    __asm__ volatile(
        ENTER("groat_dsp_wide3")
        "subs r5, #1\n"
        ENTRY("4", QUAD3_BYTES, "20")
        "1:\n"
        "ldrd r7, lr, [sp]\n"
        QUAD3(SMUAD)
        "ldr.w pc, [sp, #20]\n"
        "2:\n"
        QUAD3(SMLAD) QUAD3(SMLAD) QUAD3(SMLAD) QUAD3(SMLAD)
        "3:\n"
        "cmp r7, lr\n"
        "bne.w 2b\n"
        "ldrd r7, lr, [sp, #8]\n"
        CONSTANTS
        "ldr.w pc, [sp, #28]\n"
        "5:\n"
        SHORT("r0") SHORT("r1") SHORT("r2")
        "ldr r12, [sp, #16]\n"
        STORE3("r0", "r1", "r2")
        CONSTANTS
        SHORT("r3") SHORT("r4") SHORT("r5")
        STORE3("r3", "r4", "r5")
        NEXT_PAIR
        "b 7f\n"
        "6:\n"
        REQUANTIZE("r0", "r12") REQUANTIZE("r1", "r12") REQUANTIZE("r2", "r12")
        "ldr r12, [sp, #16]\n"
        STORE3("r0", "r1", "r2")
        CONSTANTS
        REQUANTIZE("r3", "r0") REQUANTIZE("r4", "r0") REQUANTIZE("r5", "r0")
        STORE3("r3", "r4", "r5")
        NEXT_PAIR
        LEAVE);
}

__attribute__((naked)) const dsp_channel *groat_dsp_short_wide2(__attribute__((unused)) const dsp_block *block)
{
    __asm__ volatile(
        ENTER("groat_dsp_wide2")
        "subs r5, #1\n"
        ENTRY("8", QUAD2_BYTES, "20")
        "1:\n"
        "ldr r7, [sp]\n"
        QUAD2(SMUAD)
        "ldr.w pc, [sp, #20]\n"
        "2:\n"
        QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD)
        QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD)
        "3:\n"
        "ldr r12, [sp, #4]\n"
        "cmp r7, r12\n"
        "bne.w 2b\n"
        "ldrd r7, lr, [sp, #8]\n"
        "ldr r5, [sp, #16]\n"
        CONSTANTS
        "ldr.w pc, [sp, #28]\n"
        "5:\n"
        SHORT("r0") SHORT("r1")
        STORE2("r0", "r1")
        CONSTANTS
        SHORT("r2") SHORT("r3")
        STORE2("r2", "r3")
        NEXT_PAIR
        "b 7f\n"
        "6:\n"
        REQUANTIZE("r0", "r12") REQUANTIZE("r1", "r12")
        STORE2("r0", "r1")
        CONSTANTS
        REQUANTIZE("r2", "r12") REQUANTIZE("r3", "r12")
        STORE2("r2", "r3")
        NEXT_PAIR
        LEAVE);
}

__attribute__((naked)) const dsp_channel *groat_dsp_short_wide1(__attribute__((unused)) const dsp_block *block)
{
    __asm__ volatile(
        ENTER("groat_dsp_wide1")
        "mov r2, r5\n"
        "lsr r5, r5, #1\n"
        ENTRY("4", OCTET1_BYTES, "24")
        "adr.w r3, 2f\n"
        "adds r3, #1\n"
        "tst r2, #1\n" /* an odd quad comes first */
        "it ne\n"
        "movne r4, r3\n"
        "str r4, [sp, #20]\n"
        "1:\n"
        "ldr r7, [sp]\n"
        "movs r0, #0\n"
        "movs r1, #0\n"
        "ldr.w pc, [sp, #20]\n"
        "2:\n"
        QUAD1
        "ldr.w pc, [sp, #24]\n"
        "4:\n"
        OCTET1 OCTET1 OCTET1 OCTET1
        "3:\n"
        "ldr r12, [sp, #4]\n"
        "cmp r7, r12\n"
        "bne.w 4b\n"
        "ldrd r7, lr, [sp, #8]\n"
        CONSTANTS
        "ldr.w pc, [sp, #28]\n"
        "5:\n"
        SHORT("r0")
        "strb r0, [lr, #1]!\n"
        CONSTANTS
        SHORT("r1")
        "strb r1, [lr, #1]!\n"
        NEXT_PAIR
        "b 7f\n"
        "6:\n"
        REQUANTIZE("r0", "r12")
        "strb r0, [lr, #1]!\n"
        CONSTANTS
        REQUANTIZE("r1", "r12")
        "strb r1, [lr, #1]!\n"
        NEXT_PAIR
        LEAVE);
}

/* clang-format on */

#else /* the same in C */

static const dsp_channel *wide_of(const dsp_block *b, uint32_t pixels, int short_way)
{
    const int32_t *w = b->weights;
    int8_t *out = b->out;
    for (const dsp_channel *c = b->channels;; c += 2, w += 4 * b->quads, out += 2) {
        for (uint32_t p = 0; p < pixels; p++) {
            int32_t s0 = 0;
            int32_t s1 = 0;
            for (uint32_t h = 0; h < 2 * b->quads; h++) {
                int32_t x = b->panel[h * pixels + p];
                s0 = __smlad(w[2 * h], x, s0);
                s1 = __smlad(w[2 * h + 1], x, s1);
            }
            int8_t *y = out + p * b->out_stride;
            y[0] = short_way ? dsp_requantize_short((uint32_t)s0 << 8, &c[0])
                             : dsp_requantize_fast((uint32_t)s0 << 1, &c[0]);
            y[1] = short_way ? dsp_requantize_short((uint32_t)s1 << 8, &c[1])
                             : dsp_requantize_fast((uint32_t)s1 << 1, &c[1]);
        }
        if (dsp_ends_run(&c[1])) {
            return c + 2;
        }
    }
}

const dsp_channel *groat_dsp_wide1(const dsp_block *block)
{
    return wide_of(block, 1, 0);
}

const dsp_channel *groat_dsp_wide2(const dsp_block *block)
{
    return wide_of(block, 2, 0);
}

const dsp_channel *groat_dsp_wide3(const dsp_block *block)
{
    return wide_of(block, 3, 0);
}

const dsp_channel *groat_dsp_short_wide1(const dsp_block *block)
{
    return wide_of(block, 1, 1);
}

const dsp_channel *groat_dsp_short_wide2(const dsp_block *block)
{
    return wide_of(block, 2, 1);
}

const dsp_channel *groat_dsp_short_wide3(const dsp_block *block)
{
    return wide_of(block, 3, 1);
}

#endif
