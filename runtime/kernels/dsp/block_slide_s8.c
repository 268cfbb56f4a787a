/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of depthwise convolution along planes, in assembly: all fourteen registers are in use.
 *
 * Four outputs at a time are in r0 to r3.  Outputs at an even distance from the first input meet weights in the pairs
 * (0, 1), (2, 3) …, those at an odd one in the pairs (1, 2), (3, 4) …; the first or last tap is left over.
 */
#include "slide.h"

#if GROAT_DSP_ASSEMBLY

#define MAC(acc, x, w) "smlad " acc ", " x ", " w ", " acc "\n"
#define LOW_HIGH(acc, x, w) "smlabt " acc ", " x ", " w ", " acc "\n"
#define HIGH_LOW(acc, x, w) "smlatb " acc ", " x ", " w ", " acc "\n"
#define LOW_LOW(acc, x, w) "smlabb " acc ", " x ", " w ", " acc "\n"

/* The frame: what a block starts with (bias and pointer to weights, or bias and weights), then from 28 on shift,
 * multiplier, offset, out, out_step, end of x; 52 where a block starts; from 56 on the slide, whose first words go on
 * from channel to channel (76 out_step is twice there, 84 rest, 88 rotation); 92 where a channel starts; 96 channels
 * left. */

/* Inputs are read up to lr.  Ends a block; goes on at `again`, or behind this. */
#define FINISH(again)           \
    "add r4, sp, #28\n"         \
    "ldm r4, {r4-r9}\n"         \
    "cbnz r4, 1f\n"             \
    "smmla r0, r0, r5, r6\n"    \
    "smmla r1, r1, r5, r6\n"    \
    "smmla r2, r2, r5, r6\n"    \
    "smmla r3, r3, r5, r6\n"    \
    "ssat r0, #8, r0, asr #9\n" \
    "ssat r1, #8, r1, asr #9\n" \
    "ssat r2, #8, r2, asr #9\n" \
    "ssat r3, #8, r3, asr #9\n" \
    "cmp lr, r9\n"              \
    "bhi.w 92f\n"               \
    "strb r0, [r7]\n"           \
    "strb r1, [r7, r8]\n"       \
    "add r7, r7, r8, lsl #1\n"  \
    "strb r2, [r7]\n"           \
    "strb r3, [r7, r8]\n"       \
    "add r7, r7, r8, lsl #1\n"  \
    "str r7, [sp, #40]\n"       \
    "bcc.w " again "\n"         \
    "b.w 93f\n"                 \
    "1:\n"                      \
    "b.w 91f\n"

/* To the next row's inputs by the step in a register; only the last one's is negative, and carries. */
#define NEXT_ROW(step, again)   \
    "adds.w lr, lr, " step "\n" \
    "bcc.w " again "\n"

#define START              \
    "ldrd r3, r12, [sp]\n" \
    "mov r0, r3\n"         \
    "mov r1, r3\n"         \
    "mov r2, r3\n"

#define ROTATED_WEIGHTS   \
    "ldr r1, [sp, #88]\n" \
    "add r2, r1\n"        \
    "ldm r2, {r4-r9}\n"   \
    "stm sp, {r3-r9}\n"

/* A word of each of three rows. */
#define PAIRS(acc, bias) "smlad " acc ", r10, r4, " bias "\n" MAC(acc, "r11", "r6") MAC(acc, "r12", "r8")
#define LASTS(acc) LOW_HIGH(acc, "r10", "r5") LOW_HIGH(acc, "r11", "r7") LOW_HIGH(acc, "r12", "r9")
#define FIRSTS(acc, bias) "smlatb " acc ", r10, r4, " bias "\n" HIGH_LOW(acc, "r11", "r6") HIGH_LOW(acc, "r12", "r8")
#define LATER_PAIRS(acc) MAC(acc, "r10", "r5") MAC(acc, "r11", "r7") MAC(acc, "r12", "r9")

#define SLOWLY(acc)                    \
    "smmlar r10, " acc ", r5, r6\n"    \
    "add r10, r10, " acc ", asr #31\n" \
    "asr r10, r10, r4\n"               \
    "ssat " acc ", #8, r10\n"

__attribute__((naked)) void groat_dsp_slide(__attribute__((unused)) const dsp_slide *slide)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "sub sp, #100\n"
        "ldm r0, {r1-r10}\n"
        "adr.w r11, 2f\n"
        "add r12, r11, r10, lsl #3\n"
        "ldrd r10, r12, [r12]\n"       /* where channels and blocks start */
        "add r10, r11\n"
        "add r12, r11\n"
        "movs r11, #4\n"
        "str r12, [sp, #52]\n"
        "add r12, sp, #56\n"
        "stm r12, {r1-r11}\n"

        /* A channel. */
        "90:\n"
        "add r0, sp, #56\n"
        "ldm r0, {r1, r2, r3, r4, r7, r8, r9}\n" /* x, record, x_step, record_step, out, out_step, span */
        "mov lr, r1\n"
        "add r9, r1\n"
        "add r1, r3\n"
        "add r4, r2\n"
        "strd r1, r4, [sp, #56]\n"
        "add r1, r7, #1\n"
        "str r1, [sp, #72]\n"
        "ldm r2!, {r3-r6}\n"           /* bias, shift, multiplier, offset */
        "add r10, sp, #28\n"
        "stm r10, {r4-r9}\n"
        "strd r3, r2, [sp]\n"
        "ldr.w pc, [sp, #92]\n"

        ".p2align 2\n"
        "2:\n"
        ".word 31f-2b+1, 31f-2b+1, 32f-2b+1, 32f-2b+1, 51f-2b+1, 51f-2b+1, 52f-2b+1, 52f-2b+1\n"
        ".word 71f-2b+1, 71f-2b+1, 72f-2b+1, 72f-2b+1, 33f-2b+1, 34f-2b+1, 37f-2b+1, 38f-2b+1\n"

        /* Three rows of three taps, side by side. */
        "33:\n" ROTATED_WEIGHTS "b 35f\n"
        "34:\n"
        "ldm sp, {r3-r9}\n"
        "35:\n"
        "ldm lr!, {r10, r11, r12}\n" PAIRS("r0", "r3") FIRSTS("r1", "r3") "ldm lr!, {r10, r11, r12}\n" LASTS("r0")
            LATER_PAIRS("r1") PAIRS("r2", "r3") FIRSTS("r3", "r3") "ldm lr, {r10, r11, r12}\n" LASTS("r2") LATER_PAIRS(
                "r3") FINISH("34b")

                "37:\n" ROTATED_WEIGHTS "b 39f\n"
                "38:\n"
                "ldm sp, {r3-r9}\n"
                "39:\n"
                "ldm lr!, {r10, r11, r12}\n" PAIRS("r0", "r3") "ldm lr!, {r10, r11, r12}\n" LASTS("r0") PAIRS(
                    "r1", "r3") "ldm lr!, {r10, r11, r12}\n" LASTS("r1")
                    PAIRS("r2", "r3") "ldm lr!, {r10, r11, r12}\n" LASTS("r2") PAIRS(
                        "r3", "r3") "ldm lr, {r10, r11, r12}\n" LASTS("r3") FINISH("38b")

                        "31:\n" START "4:\n"
                        "ldm r12!, {r9, r10, r11}\n"    /* 01, 12, step */
                        "ldm lr!, {r4, r5, r6}\n" MAC("r0", "r4", "r9") HIGH_LOW("r1", "r4", "r9") MAC("r2", "r5", "r9")
                            HIGH_LOW("r3", "r5", "r9") LOW_HIGH("r0", "r5", "r10") MAC("r1", "r5", "r10") LOW_HIGH(
                                "r2", "r6", "r10") MAC("r3", "r6", "r10") NEXT_ROW("r11", "4b") FINISH("31b")

                                "32:\n" START "4:\n"
                                "ldm r12!, {r9, r10, r11}\n"    /* 01, 2, step */
                                "ldm lr!, {r4-r8}\n" MAC("r0", "r4", "r9") MAC("r1", "r5", "r9") MAC("r2", "r6", "r9")
                                    MAC("r3", "r7", "r9") LOW_LOW("r0", "r5", "r10") LOW_LOW("r1", "r6", "r10")
                                        LOW_LOW("r2", "r7", "r10") LOW_LOW("r3", "r8",
                                                                           "r10") NEXT_ROW("r11", "4b") FINISH("32b")

                                            "51:\n" START "4:\n"
                                            "ldm r12!, {r9, r10}\n"         /* 01, 12 */
                                            "ldm lr!, {r4-r7}\n" MAC("r0", "r4", "r9") HIGH_LOW("r1", "r4", "r9") MAC(
                                                "r2", "r5", "r9") HIGH_LOW("r3", "r5", "r9") MAC("r1", "r5", "r10")
                                                MAC("r3", "r6", "r10") "ldm r12!, {r9, r10, r11}\n" /* 23, 34, step */
        MAC("r0", "r5", "r9") MAC("r2", "r6", "r9") MAC("r1", "r6", "r10") MAC("r3", "r7", "r10")
            LOW_HIGH("r0", "r6", "r10") LOW_HIGH("r2", "r7", "r10") NEXT_ROW("r11", "4b") FINISH("51b")

                "52:\n" START "4:\n"
                "ldm r12!, {r9, r10}\n" /* 01, 23 */
                "ldm lr!, {r4-r8}\n" MAC("r0", "r4", "r9") MAC("r1", "r5", "r9") MAC("r2", "r6", "r9")
                    MAC("r3", "r7", "r9") MAC("r0", "r5", "r10") MAC("r1", "r6", "r10") MAC("r2", "r7", "r10")
                        MAC("r3", "r8",
                            "r10") "ldm r12!, {r9, r10}\n" /* 4, step */
                                   "ldr r4, [lr], #4\n" LOW_LOW("r0", "r6", "r9") LOW_LOW("r1", "r7", "r9") LOW_LOW(
                                       "r2", "r8", "r9") LOW_LOW("r3", "r4", "r9") NEXT_ROW("r10", "4b") FINISH("52b")

                                       "71:\n" START "4:\n"
                                       "ldm r12!, {r9, r10, r11}\n" /* 01, 12, 23 */
                                       "ldm lr!, {r4-r8}\n" MAC("r0", "r4", "r9") HIGH_LOW("r1", "r4", "r9")
                                           MAC("r2", "r5", "r9") HIGH_LOW("r3", "r5", "r9") MAC("r1", "r5", "r10")
                                               MAC("r3", "r6", "r10") MAC("r0", "r5", "r11")
                                                   MAC("r2", "r6",
                                                       "r11") "ldm r12!, {r4, r9, r10, r11}\n" /* 34, 45, 56, step */
        MAC("r1", "r6", "r4") MAC("r3", "r7", "r4") MAC("r0", "r6", "r9") MAC("r2", "r7", "r9") MAC("r1", "r7", "r10")
            MAC("r3", "r8", "r10") LOW_HIGH("r0", "r7", "r10") LOW_HIGH("r2", "r8", "r10") NEXT_ROW("r11", "4b")
                FINISH("71b")

                    "72:\n" START "4:\n"
                    "ldm r12!, {r9, r10, r11}\n" /* 01, 23, 45 */
                    "ldm lr!, {r4-r8}\n" MAC("r0", "r4", "r9") MAC("r1", "r5", "r9") MAC("r2", "r6", "r9")
                        MAC("r3", "r7", "r9") MAC("r0", "r5", "r10") MAC("r1", "r6", "r10") MAC("r2", "r7", "r10")
                            MAC("r3", "r8", "r10") "ldm lr!, {r4, r5}\n" MAC("r0", "r6", "r11") MAC("r1", "r7", "r11")
                                MAC("r2", "r8", "r11") MAC("r3", "r4", "r11") "ldm r12!, {r9, r10}\n" /* 6, step */
        LOW_LOW("r0", "r7", "r9") LOW_LOW("r1", "r8", "r9") LOW_LOW("r2", "r4", "r9") LOW_LOW("r3", "r5", "r9")
            NEXT_ROW("r10", "4b") FINISH("72b")

        /* The long way for a channel. */
        "91:\n" SLOWLY("r0") SLOWLY("r1") SLOWLY("r2") SLOWLY("r3") "cmp lr, r9\n"
                                                                    "bhi 92f\n"
                                                                    "strb r0, [r7]\n"
                                                                    "strb r1, [r7, r8]\n"
                                                                    "add r7, r7, r8, lsl #1\n"
                                                                    "strb r2, [r7]\n"
                                                                    "strb r3, [r7, r8]\n"
                                                                    "add r7, r7, r8, lsl #1\n"
                                                                    "str r7, [sp, #40]\n"
                                                                    "bcs 93f\n"
                                                                    "ldr.w pc, [sp, #52]\n"

                                                                    /* One to three outputs that are left. */
                                                                    "92:\n"
                                                                    "ldr r9, [sp, #84]\n"
                                                                    "strb r0, [r7]\n"
                                                                    "cmp r9, #2\n"
                                                                    "blt 93f\n"
                                                                    "strb r1, [r7, r8]\n"
                                                                    "beq 93f\n"
                                                                    "strb r2, [r7, r8, lsl #1]\n"

                                                                    "93:\n"
                                                                    "ldr r0, [sp, #96]\n"
                                                                    "subs r0, #1\n"
                                                                    "str r0, [sp, #96]\n"
                                                                    "bne.w 90b\n"
                                                                    "add sp, #100\n"
                                                                    "pop {r4-r11, pc}\n");
}

/* Two pixels of four channels, to the first plane at r3 and the last one at r6. */
#define TWO_PIXELS(step)             \
    "ldr r8, [r0]\n"                 \
    "ldr r9, [r0, r1]\n"             \
    "add r0, r0, r1, lsl #1\n"       \
    "sxtb16 r10, r8\n"               \
    "sxtb16 r11, r9\n"               \
    "sxtb16 r8, r8, ror #8\n"        \
    "sxtb16 r9, r9, ror #8\n"        \
    "pkhbt r12, r8, r9, lsl #16\n"   \
    "pkhtb r9, r9, r8, asr #16\n"    \
    "pkhbt r8, r10, r11, lsl #16\n"  \
    "pkhtb r11, r11, r10, asr #16\n" \
    "str r12, [r3, r4]\n"            \
    "str r11, [r3, r4, lsl #1]\n"    \
    "str r8, [r3], #" step "\n"      \
    "str r9, [r6], #" step "\n"

/* `r2` pixels from r0 on, r1 apart, to planes r4 apart. */
#define PIXELS(step, over)                                                                                   \
    "1:\n"                                                                                                   \
    "subs r2, #2\n"                                                                                          \
    "blt 4f\n"                                                                                               \
    "tst r2, #2\n"                                                                                           \
    "bne 3f\n"                                                                                               \
    "2:\n" TWO_PIXELS(step) "subs r2, #2\n"                                                                  \
                            "blt 4f\n"                                                                       \
                            "3:\n" TWO_PIXELS(step) "subs r2, #2\n"                                          \
                                                    "bge 2b\n"                                               \
                                                    "4:\n"                                                   \
                                                    "adds r2, #1\n"                                          \
                                                    "bne 6f\n"                                               \
                                                    "5:\n" /* one pixel; its neighbour in the words stays */ \
                                                    "ldr r8, [r0]\n"                                         \
                                                    "add r0, r1\n"                                           \
                                                    "sxtb16 r10, r8\n"                                       \
                                                    "sxtb16 r8, r8, ror #8\n"                                \
                                                    "strh r10, [r3]\n"                                       \
                                                    "strh r8, [r3, r4]\n"                                    \
                                                    "lsrs r10, r10, #16\n"                                   \
                                                    "lsrs r8, r8, #16\n"                                     \
                                                    "strh r10, [r3, r4, lsl #1]\n"                           \
                                                    "strh r8, [r6]\n"                                        \
                                                    "add r3, #" over "\n"                                    \
                                                    "add r6, #" over "\n"                                    \
                                                    "subs r2, #1\n"                                          \
                                                    "bgt 1b\n"                                               \
                                                    "6:\n"

#define SPREAD(step, over)     \
    ".syntax unified\n"        \
    "push {r4-r11, lr}\n"      \
    "ldr r4, [sp, #36]\n"      \
    "add r6, r3, r4, lsl #1\n" \
    "add r6, r4\n"             \
    "tst r3, #2\n"             \
    "bne 5f\n" PIXELS(step, over) "pop {r4-r11, pc}\n"

#define SPREAD_ROWS(step, over)                             \
    ".syntax unified\n"                                     \
    "push {r4-r11, lr}\n"                                   \
    "mov r7, r0\n"                                          \
    "ldr lr, [r7, #28]\n"                                   \
    "7:\n"                                                  \
    "ldm r7, {r0-r6}\n"                                     \
    "ldr r8, [r0], #4\n"                                    \
    "str r0, [r7]\n"                                        \
    "add r6, r3\n"                                          \
    "str r6, [r7, #12]\n"                                   \
    "add r0, r8, r5\n"                                      \
    "add r6, r3, r4, lsl #1\n"                              \
    "add r6, r4\n" PIXELS(step, over) "subs.w lr, lr, #1\n" \
                                      "bne.w 7b\n"          \
                                      "pop {r4-r11, pc}\n"

__attribute__((naked)) void groat_dsp_spread(__attribute__((unused)) const int8_t *in,
                                             __attribute__((unused)) uint32_t pixel_stride,
                                             __attribute__((unused)) uint32_t count, __attribute__((unused)) void *to,
                                             __attribute__((unused)) uint32_t plane)
{
    __asm__ volatile(SPREAD("4", "2"));
}

__attribute__((naked)) void groat_dsp_spread_by_three(__attribute__((unused)) const int8_t *in,
                                                      __attribute__((unused)) uint32_t pixel_stride,
                                                      __attribute__((unused)) uint32_t count,
                                                      __attribute__((unused)) void *to,
                                                      __attribute__((unused)) uint32_t plane)
{
    __asm__ volatile(SPREAD("12", "10"));
}

__attribute__((naked)) void groat_dsp_spread_rows(__attribute__((unused)) dsp_spread *spread)
{
    __asm__ volatile(SPREAD_ROWS("4", "2"));
}

__attribute__((naked)) void groat_dsp_spread_rows_by_three(__attribute__((unused)) dsp_spread *spread)
{
    __asm__ volatile(SPREAD_ROWS("12", "10"));
}

void groat_dsp_move_down(int32_t *to, const int32_t *from, uint32_t words)
{
    for (; words >= 8; words -= 8) {
        __asm__ volatile("ldmia.w %[from]!, {r4, r5, r6, r8, r9, r10, r11, r12}\n"
                         "stmia.w %[to]!, {r4, r5, r6, r8, r9, r10, r11, r12}\n"
                         : [to] "+r"(to), [from] "+r"(from)
                         :
                         : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "memory");
    }
    for (; words > 0; words--) {
        *to++ = *from++;
    }
}

#else /* the same in C */

typedef int16_t __attribute__((may_alias)) half;

/* Input `i` of a row of a plane. */
static int32_t input(const dsp_slide *s, uint32_t row, uint32_t row_bytes, uint32_t i)
{
    if (s->kind >= SLIDE_3X3_BY_1) {
        return ((const half *)s->x)[i / 2u * 6u + row * 2u + i % 2u];
    }
    return ((const half *)s->x)[row * row_bytes / 2u + i];
}

static const uint8_t pairs[] = {2, 2, 4, 3, 6, 4, 2, 2}; /* in a row of weights */

static int32_t weight(const dsp_slide *s, const int32_t *weights, uint32_t row, uint32_t t)
{
    const half *w = (const half *)(weights + row * (pairs[s->kind] + 1u));
    if (s->kind >= SLIDE_3X3_BY_1) {
        w = (const half *)(weights + row * 2u + s->rotation / 4u);
    }
    if (s->kind % 2u != 0) {
        /* Where a pair starts with the last tap, its other half stands for nothing. */
        return s->kind == SLIDE_3X3_BY_2 ? w[t < 2 ? t : 3] : w[t];
    }
    return t == 0 ? w[0] : w[2u * t - 1u];
}

static int32_t step_behind(const dsp_slide *s, const int32_t *weights, uint32_t row)
{
    return weights[row * (pairs[s->kind] + 1u) + pairs[s->kind]];
}

void groat_dsp_slide(const dsp_slide *slide)
{
    static const uint8_t taps[] = {3, 3, 5, 5, 7, 7, 3, 3};
    static const uint8_t read[] = {12, 20, 16, 24, 20, 28};
    dsp_slide copy = *slide;
    dsp_slide *s = &copy;
    int by_three = s->kind >= SLIDE_3X3_BY_1;
    uint32_t by = s->kind % 2u + 1u;
    for (uint32_t c = 0; c < 4; c++) {
        const int32_t *weights = s->record + 4;
        for (uint32_t p = 0; p < s->span / by / (by_three ? 6u : 2u); p++) {
            uint32_t acc = (uint32_t)s->record[0];
            uint32_t rows = by_three ? 3 : 1;
            uint32_t row_bytes = 0;
            if (!by_three && step_behind(s, weights, 0) >= 0) {
                row_bytes = (uint32_t)step_behind(s, weights, 0) + read[s->kind];
                for (; step_behind(s, weights, rows - 1u) >= 0; rows++) {
                }
            }
            for (uint32_t r = 0; r < rows; r++) {
                for (uint32_t t = 0; t < taps[s->kind]; t++) {
                    acc += (uint32_t)(input(s, r, row_bytes, p * by + t) * weight(s, weights, r, t));
                }
            }
            s->out[p * s->out_step] = dsp_slide_output(acc, s->record[2], s->record[3], s->record[1]);
        }
        s->x += s->x_step / 4u;
        s->record += s->record_step / 4u;
        s->out++;
    }
}

static void spread(const int8_t *in, uint32_t pixel_stride, uint32_t count, half *to, uint32_t plane, uint32_t step)
{
    for (uint32_t i = 0; i < count; i++, in += pixel_stride) {
        for (uint32_t c = 0; c < 4; c++) {
            to[c * plane / 2u] = in[c];
        }
        to += (uintptr_t)to % 4u != 0 ? 2u * step - 1u : 1u;
    }
}

void groat_dsp_spread(const int8_t *in, uint32_t pixel_stride, uint32_t count, void *to, uint32_t plane)
{
    spread(in, pixel_stride, count, to, plane, 1);
}

void groat_dsp_spread_by_three(const int8_t *in, uint32_t pixel_stride, uint32_t count, void *to, uint32_t plane)
{
    spread(in, pixel_stride, count, to, plane, 3);
}

static void spread_rows(dsp_spread *s, uint32_t step)
{
    for (uint32_t r = 0; r < s->row_count; r++) {
        spread(*s->rows++ + s->at, s->pixel_stride, s->count, s->to, s->plane, step);
        s->to = (int8_t *)s->to + s->row_step;
    }
}

void groat_dsp_spread_rows(dsp_spread *spread)
{
    spread_rows(spread, 1);
}

void groat_dsp_spread_rows_by_three(dsp_spread *spread)
{
    spread_rows(spread, 3);
}

void groat_dsp_move_down(int32_t *to, const int32_t *from, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++) {
        to[i] = from[i];
    }
}

#endif
