/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of depthwise convolution, in assembly: compilers spill here, for all fourteen registers are in use.
 */
#include "dsp.h"

#if GROAT_DSP_ASSEMBLY

/* One output of a channel whose constants are next in r6: t replaces the bias. */
#define OUTPUT(acc, stream)                      \
    "ldmia.w " stream "!, {r9, r10, r11, r12}\n" \
    "add r9, r9, " acc ", lsl #1\n"              \
    "smmlar " acc ", r9, r10, r11\n"             \
    "add " acc ", " acc ", r9, asr #31\n"        \
    "asr " acc ", " acc ", r12\n"                \
    "ssat " acc ", #8, " acc "\n"                \
    "strb " acc ", [lr], #1\n"
#define OUTPUTS(stream) OUTPUT("r0", stream) OUTPUT("r1", stream) OUTPUT("r2", stream) OUTPUT("r3", stream)

/* Four channels' inputs in r10, their weights in w. */
#define TAP4(w)                     \
    "sxtb16 r9, r10\n"              \
    "sxtb16 r10, r10, ror #8\n"     \
    "sxtb16 r11, " w "\n"           \
    "sxtb16 " w ", " w ", ror #8\n" \
    "smlabb r0, r9, r11, r0\n"      \
    "smlabb r1, r10, " w ", r1\n"   \
    "smlatt r2, r9, r11, r2\n"      \
    "smlatt r3, r10, " w ", r3\n"
#define FIRST_TAP4(w)               \
    "sxtb16 r9, r10\n"              \
    "sxtb16 r10, r10, ror #8\n"     \
    "sxtb16 r11, " w "\n"           \
    "sxtb16 " w ", " w ", ror #8\n" \
    "smulbb r0, r9, r11\n"          \
    "smulbb r1, r10, " w "\n"       \
    "smultt r2, r9, r11\n"          \
    "smultt r3, r10, " w "\n"

/* The frame: three row pointers and the stream of the next pixel, its output; then what each pixel goes on by, how many
 * are left, and the output that is being written. */
__attribute__((naked)) void groat_dsp_depthwise3x3(__attribute__((unused)) const dsp_pixels *pixels)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "sub sp, #36\n"
        "ldm r0, {r1, r2, r3, r4, r5, r6, r8}\n" /* rows, stream, out, at, count, pixel_stride, out_stride */
        "ldr r7, [r0, #28]\n"
        "ldm r1, {r9, r10, r11}\n"
        "add r9, r4\n"
        "add r10, r4\n"
        "add r11, r4\n"
        "strd r9, r10, [sp]\n"
        "strd r11, r2, [sp, #8]\n"
        "strd r3, r6, [sp, #16]\n"
        "strd r8, r5, [sp, #24]\n"
        "1:\n"
        "ldm sp, {r4, r5, r6, r8, r9, r10, r11}\n"
        "str r9, [sp, #32]\n"
        "add r12, r4, r10\n"
        "add lr, r5, r10\n"
        "strd r12, lr, [sp]\n"
        "add r12, r6, r10\n"
        "str r12, [sp, #8]\n"
        "add r9, r11\n"
        "str r9, [sp, #16]\n"
        "2:\n"
        "ldrd lr, r12, [r8], #8\n"
        "ldr r10, [r4]\n" FIRST_TAP4("lr") "ldr r10, [r4, r7]\n" TAP4(
            "r12") "ldrd lr, r12, [r8], #8\n"
                   "ldr r10, [r4, r7, lsl #1]\n" TAP4("lr") "ldr r10, [r5]\n" TAP4(
                       "r12") "ldrd lr, r12, [r8], #8\n"
                              "ldr r10, [r5, r7]\n" TAP4("lr") "ldr r10, [r5, r7, lsl #1]\n" TAP4(
                                  "r12") "ldrd lr, r12, [r8], #8\n"
                                         "ldr r10, [r6]\n" TAP4("lr") "ldr r10, [r6, r7]\n" TAP4(
                                             "r12") "ldr lr, [r8], #4\n"
                                                    "ldr r10, [r6, r7, lsl #1]\n" TAP4(
                                                        "lr") "ldr lr, [sp, #32]\n" OUTPUTS("r8") "str lr, [sp, #32]\n"
                                                                                                  "adds r4, #4\n"
                                                                                                  "adds r5, #4\n"
                                                                                                  "adds r6, #4\n"
                                                                                                  "cmp.w r12, #0\n"
                                                                                                  "bge.w 2b\n"
                                                                                                  "ldr r9, [sp, #28]\n"
                                                                                                  "subs r9, #1\n"
                                                                                                  "str r9, [sp, #28]\n"
                                                                                                  "bne.w 1b\n"
                                                                                                  "add sp, #36\n"
                                                                                                  "pop {r4-r11, pc}\n");
}

/* Two taps of a row. */
#define TWO_TAPS4              \
    "ldrd r7, r12, [r6], #8\n" \
    "ldr.w r10, [r4]\n" TAP4("r7") "ldr.w r10, [r4, r5]\n" TAP4("r12") "add.w r4, r4, r5, lsl #1\n"

/* The frame: where a row's taps begin (with a single one if they are odd), where to enter the unrolled pairs of taps,
 * how often to pass through them, the channel's place in each row; the output that is being written, the table of rows
 * and its end; then the stream, pixel_stride, out_stride, next pixel's place and output, count. */
__attribute__((naked)) void groat_dsp_depthwise(__attribute__((unused)) const dsp_pixels *pixels)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r4-r11, lr}\n"
                     "sub sp, #52\n"
                     "ldm r0!, {r1, r2, r3, r4, r6}\n" /* rows, stream, out, at, count */
                     "strd r4, r3, [sp, #40]\n"
                     "str r6, [sp, #48]\n"
                     "str r2, [sp, #28]\n"
                     "ldm r0!, {r2, r3, r5, r6, r7}\n" /* pixel_stride, out_stride, tap_stride, row_count, taps */
                     "strd r2, r3, [sp, #32]\n"
                     "add r6, r1, r6, lsl #2\n"
                     "strd r1, r6, [sp, #20]\n"
                     "lsrs r6, r7, #1\n"     /* pairs */
                     "adds r1, r6, #2\n"
                     "movs r2, #3\n"
                     "udiv r3, r1, r2\n"     /* passes */
                     "str r3, [sp, #8]\n"
                     "mls r1, r3, r2, r1\n"  /* pairs of the first pass, less 1 */
                     "adds r1, #1\n"
                     "movs r2, #80\n"
                     "muls r1, r2, r1\n"
                     "adr.w r2, 4f\n"
                     "subs r2, r2, r1\n"
                     "cmp r6, #0\n"          /* a single tap and no pairs: leave at once */
                     "adr.w r3, 6f\n"
                     "it eq\n"
                     "moveq r2, r3\n"
                     "adds r2, #1\n"
                     "adr.w r1, 7f\n"
                     "adds r1, #1\n"
                     "tst.w r7, #1\n"
                     "it eq\n"
                     "moveq r1, r2\n"
                     "strd r1, r2, [sp]\n"
                     "1:\n"
                     "ldr r6, [sp, #28]\n"
                     "ldrd r8, r9, [sp, #32]\n"
                     "ldrd r10, r11, [sp, #40]\n"
                     "strd r10, r11, [sp, #12]\n"
                     "add r8, r10\n"
                     "add r9, r11\n"
                     "strd r8, r9, [sp, #40]\n"
                     "2:\n"
                     "ldr lr, [sp, #20]\n"
                     "movs r0, #0\n"
                     "movs r1, #0\n"
                     "movs r2, #0\n"
                     "movs r3, #0\n"
                     "5:\n"
                     "ldrd r8, r9, [sp, #8]\n"
                     "ldr r4, [lr], #4\n"
                     "add r4, r9\n"
                     "ldr.w pc, [sp]\n"
                     "7:\n"
                     "ldr r10, [r4]\n"
                     "ldr r7, [r6], #4\n"
                     "add r4, r5\n" TAP4("r7") "ldr.w pc, [sp, #4]\n"
                                               "3:\n" TWO_TAPS4 TWO_TAPS4 TWO_TAPS4 "4:\n"
                                               "subs.w r8, r8, #1\n"
                                               "bne.w 3b\n"
                                               "6:\n"
                                               "ldr r9, [sp, #24]\n"
                                               "cmp lr, r9\n"
                                               "bne.w 5b\n"
                                               "ldrd r7, lr, [sp, #12]\n" OUTPUTS("r6") "adds r7, #4\n"
                                                                                        "strd r7, lr, [sp, #12]\n"
                                                                                        "cmp.w r12, #0\n"
                                                                                        "bge.w 2b\n"
                                                                                        "ldr r9, [sp, #48]\n"
                                                                                        "subs r9, #1\n"
                                                                                        "str r9, [sp, #48]\n"
                                                                                        "bne.w 1b\n"
                                                                                        "add sp, #52\n"
                                                                                        "pop {r4-r11, pc}\n");
}

#else /* the same in C */

void groat_dsp_depthwise(const dsp_pixels *pixels)
{
    for (uint32_t p = 0; p < pixels->count; p++) {
        const int32_t *w = pixels->stream;
        const dsp_channel *channels;
        int8_t *out = pixels->out + p * pixels->out_stride;
        uint32_t at = pixels->at + p * pixels->pixel_stride;
        do {
            int32_t acc[4] = {0, 0, 0, 0};
            for (uint32_t r = 0; r < pixels->row_count; r++) {
                const int8_t *x = pixels->rows[r] + at;
                for (uint32_t t = 0; t < pixels->taps; t++, x += pixels->tap_stride, w++) {
                    int32_t bytes = dsp_load(x);
                    acc[0] = __smlabb(__sxtb16(bytes), __sxtb16(*w), acc[0]);
                    acc[1] = __smlabb(dsp_odd_bytes(bytes), dsp_odd_bytes(*w), acc[1]);
                    acc[2] = __smlatt(__sxtb16(bytes), __sxtb16(*w), acc[2]);
                    acc[3] = __smlatt(dsp_odd_bytes(bytes), dsp_odd_bytes(*w), acc[3]);
                }
            }
            channels = (const dsp_channel *)w;
            for (uint32_t i = 0; i < 4; i++) {
                *out++ = dsp_requantize_fast((uint32_t)acc[i] << 1, &channels[i]);
            }
            w = (const int32_t *)(channels + 4);
            at += 4;
        } while (!dsp_ends_run(&channels[3]));
    }
}

void groat_dsp_depthwise3x3(const dsp_pixels *pixels)
{
    groat_dsp_depthwise(pixels);
}

#endif
