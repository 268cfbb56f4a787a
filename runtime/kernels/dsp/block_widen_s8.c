/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of depthwise convolutions along planes (slide.h): constants of four channels, and their weights scaled up and
 * widened to pairs of halfwords.
 */
#include "slide.h"

#if GROAT_DSP_ASSEMBLY

/* A channel's constants from r2 to r1, which goes on by r12; its scale, from the 1 in lr. */
#define CHANNEL(scale)            \
    "ldm r2!, {r3, r5, r6, r7}\n" \
    "sxtb r4, r7\n"               \
    "stm r1, {r3-r6}\n"           \
    "add r1, r12\n"               \
    "ubfx r7, r7, #8, #8\n"       \
    "lsl " scale ", lr, r7\n"

__attribute__((naked)) void groat_dsp_widen_channels(__attribute__((unused)) const dsp_channel *channels,
                                                     __attribute__((unused)) int32_t *records,
                                                     __attribute__((unused)) uint32_t record_step,
                                                     __attribute__((unused)) uint32_t scales[2])
{
    __asm__ volatile(".syntax unified\n"
                     "push {r3-r11, lr}\n"
                     "mov r12, r2\n"
                     "mov r2, r0\n"
                     "mov lr, #1\n" CHANNEL("r8") CHANNEL("r9") CHANNEL("r10")
                         CHANNEL("r11") "pkhbt r8, r8, r10, lsl #16\n"
                                        "pkhbt r9, r9, r11, lsl #16\n"
                                        "ldr r3, [sp]\n"
                                        "strd r8, r9, [r3]\n"
                                        "pop {r3-r11, pc}\n");
}

/* The frame: pairs, to the next row's weights and words, rows left. */
__attribute__((naked)) void groat_dsp_widen_rows(__attribute__((unused)) const dsp_rows *rows)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r4-r11, lr}\n"
                     "sub sp, #20\n"
                     "ldm r0!, {r1-r8}\n"
                     "ldm r0, {r9-r11}\n"
                     "mov r0, r1\n" /* weights, tap_step, scales, to, record_step, pairs, pair_step */
                     "str r7, [sp]\n"
                     "strd r9, r10, [sp, #4]\n"
                     "str r11, [sp, #12]\n"
                     "1:\n"
                     "ldr r9, [r0]\n"
                     "ldr r10, [r0, r2]\n"
                     "add r0, r8\n"
                     "sxtb16 r11, r9\n"
                     "sxtb16 r12, r10\n"
                     "smulbb r1, r11, r3\n"
                     "smulbb lr, r12, r3\n"
                     "pkhbt r1, r1, lr, lsl #16\n"
                     "str r1, [r5]\n"
                     "smultt r11, r11, r3\n"
                     "smultt r12, r12, r3\n"
                     "pkhbt r11, r11, r12, lsl #16\n"
                     "str r11, [r5, r6, lsl #1]\n"
                     "sxtb16 r9, r9, ror #8\n"
                     "sxtb16 r10, r10, ror #8\n"
                     "smulbb r1, r9, r4\n"
                     "smulbb lr, r10, r4\n"
                     "pkhbt r1, r1, lr, lsl #16\n"
                     "str r1, [r5, r6]\n"
                     "smultt r9, r9, r4\n"
                     "smultt r10, r10, r4\n"
                     "pkhbt r9, r9, r10, lsl #16\n"
                     "add lr, r5, r6, lsl #1\n"
                     "str r9, [lr, r6]\n"
                     "adds r5, #4\n"
                     "subs r7, #1\n"
                     "bne 1b\n"
                     "ldrd r9, r10, [sp, #4]\n"
                     "ldr r11, [sp, #12]\n"
                     "ldr r7, [sp]\n"
                     "add r0, r9\n"
                     "add r5, r10\n"
                     "subs r11, #1\n"
                     "str r11, [sp, #12]\n"
                     "bne 1b\n"
                     "add sp, #20\n"
                     "pop {r4-r11, pc}\n");
}

/* The next tap's weights of four channels, scaled. */
#define TAP_OF(a, b, c, d)          \
    "ldr.w " a ", [r0], #4\n"       \
    "sxtb16 " b ", " a ", ror #8\n" \
    "sxtb16 " a ", " a "\n"         \
    "smultt " c ", " a ", r4\n"     \
    "smulbb " a ", " a ", r4\n"     \
    "smultt " d ", " b ", r5\n"     \
    "smulbb " b ", " b ", r5\n"

/* The pairs of one tap and the next; four channels' places are r3 apart, the last one's is r2. */
#define PAIR_OF(a, b, c, d, e, f, g, h)    \
    "pkhbt " a ", " a ", " e ", lsl #16\n" \
    "pkhbt " b ", " b ", " f ", lsl #16\n" \
    "pkhbt " c ", " c ", " g ", lsl #16\n" \
    "pkhbt " d ", " d ", " h ", lsl #16\n" \
    "str.w " b ", [r1, r3]\n"              \
    "str.w " c ", [r1, r3, lsl #1]\n"      \
    "str.w " d ", [r2], #4\n"              \
    "str.w " a ", [r1], #4\n"

#define EVEN "r6", "r7", "r8", "r9"
#define ODD "r10", "r11", "r12", "lr"
#define WITH(macro, ...) macro(__VA_ARGS__)
#define TWO_TAPS WITH(TAP_OF, ODD) WITH(PAIR_OF, EVEN, ODD) WITH(TAP_OF, EVEN) WITH(PAIR_OF, ODD, EVEN)

/* The frame: rows left, and where to enter three times two taps, each of 120 bytes. */
__attribute__((naked)) void groat_dsp_widen_neighbours(__attribute__((unused)) const dsp_rows *rows)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r4-r11, lr}\n"
                     "sub sp, #8\n"
                     "ldrd r1, r3, [r0, #16]\n" /* to, record_step */
                     "ldrd r4, r5, [r0, #8]\n"  /* scales */
                     "ldr r6, [r0, #24]\n"      /* pairs */
                     "ldr r7, [r0, #40]\n"      /* rows */
                     "ldr r0, [r0]\n"
                     "adr.w r8, 2f\n"
                     "movs r9, #60\n"
                     "mls r8, r6, r9, r8\n"
                     "adds r8, #1\n"
                     "strd r7, r8, [sp]\n"
                     "add r2, r3, r3, lsl #1\n"
                     "add r2, r1\n"
                     "1:\n" WITH(TAP_OF, EVEN) "ldr.w pc, [sp, #4]\n"
                                               ".p2align 2\n" TWO_TAPS TWO_TAPS TWO_TAPS "2:\n"
                                               "adds r1, #4\n"
                                               "adds r2, #4\n"
                                               "ldr r6, [sp]\n"
                                               "subs r6, #1\n"
                                               "str r6, [sp]\n"
                                               "bne.w 1b\n"
                                               "add sp, #8\n"
                                               "pop {r4-r11, pc}\n");
}

/* Two pairs of a channel's row, from three taps in r8 to r10, to `at` and, for the rows that come twice, `again`. */
#define TWO_PAIRS(mul, scale, at, again)                                                \
    mul " r11, r8, " scale "\n" mul " r12, r9, " scale "\n" mul " lr, r10, " scale "\n" \
        "pkhbt r11, r11, r12, lsl #16\n"                                                \
        "pkhbt r12, r12, lr, lsl #16\n"                                                 \
        "strd r11, r12, [r1, #" at "]\n" again

#define AGAIN(at) "strd r11, r12, [r1, #" at "]\n"

#define ROW_OF_PAIRS(at0, at1, at2, at3, again0, again1, again2, again3)                                         \
    "ldm r0!, {r5, r6, r7}\n"                                                                                    \
    "sxtb16 r8, r5\n"                                                                                            \
    "sxtb16 r9, r6\n"                                                                                            \
    "sxtb16 r10, r7\n" TWO_PAIRS("smulbb", "r3", at0, again0)                                                    \
        TWO_PAIRS("smultt", "r3", at2, again2) "sxtb16 r8, r5, ror #8\n"                                         \
                                               "sxtb16 r9, r6, ror #8\n"                                         \
                                               "sxtb16 r10, r7, ror #8\n" TWO_PAIRS("smulbb", "r4", at1, again1) \
                                                   TWO_PAIRS("smultt", "r4", at3, again3)

__attribute__((naked)) void groat_dsp_widen3x3(__attribute__((unused)) const int32_t *stream,
                                               __attribute__((unused)) int32_t *records)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "add r2, r0, #36\n"
        "mov r12, #56\n"
        "mov lr, #1\n" CHANNEL("r8") CHANNEL("r9") CHANNEL("r10") CHANNEL(
            "r11") "subs r1, #224\n"
                   "pkhbt r3, r8, r10, lsl #16\n"
                   "pkhbt r4, r9, r11, lsl #16\n" ROW_OF_PAIRS("16", "72", "128", "184", AGAIN("40"), AGAIN("96"),
                                                               AGAIN("152"), AGAIN("208"))
                       ROW_OF_PAIRS("24", "80", "136", "192", AGAIN("48"), AGAIN("104"), AGAIN("160"), AGAIN("216"))
                           ROW_OF_PAIRS("32", "88", "144", "200", "", "", "", "") "pop {r4-r11, pc}\n");
}

#else /* the same in C */

typedef int16_t __attribute__((may_alias)) half;

void groat_dsp_widen_channels(const dsp_channel *channels, int32_t *records, uint32_t record_step, uint32_t scales[2])
{
    scales[0] = scales[1] = 0;
    for (uint32_t c = 0; c < 4; c++, channels++, records += record_step / 4u) {
        records[0] = channels->bias;
        records[1] = dsp_shift(channels);
        records[2] = channels->multiplier;
        records[3] = channels->offset;
        scales[c % 2u] |= 1u << dsp_scale(channels) << (c < 2 ? 0 : 16);
    }
}

void groat_dsp_widen_rows(const dsp_rows *rows)
{
    const int8_t *w = rows->weights;
    int32_t *to = rows->to;
    for (uint32_t r = 0; r < rows->rows; r++) {
        for (uint32_t i = 0; i < rows->pairs; i++, w += rows->pair_step, to++) {
            for (uint32_t c = 0; c < 4; c++) {
                int32_t scale = (int32_t)(rows->scales[c % 2u] >> (c < 2 ? 0 : 16) & 0xffffu);
                half pair[2] = {(half)(w[c] * scale), (half)(w[c + rows->tap_step] * scale)};
                __builtin_memcpy(to + c * rows->record_step / 4u, pair, sizeof(pair));
            }
        }
        w += (int32_t)rows->row_step;
        to += rows->to_step / 4u;
    }
}

void groat_dsp_widen_neighbours(const dsp_rows *rows)
{
    groat_dsp_widen_rows(rows);
}

void groat_dsp_widen3x3(const int32_t *stream, int32_t *records)
{
    const dsp_channel *channel = (const dsp_channel *)(stream + 9);
    for (uint32_t c = 0; c < 4; c++, channel++) {
        const int8_t *w = (const int8_t *)stream + c;
        int32_t scale = 1 << dsp_scale(channel);
        *records++ = channel->bias;
        *records++ = dsp_shift(channel);
        *records++ = channel->multiplier;
        *records++ = channel->offset;
        for (uint32_t i = 0; i < 5; i++) {
            const int8_t *row = w + i % 3u * 12u;
            for (uint32_t t = 0; t < 8; t += 4) {
                half pair[2] = {(half)(row[t] * scale), (half)(row[t + 4u] * scale)};
                __builtin_memcpy(records++, pair, sizeof(pair));
            }
        }
    }
}

#endif
