/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of convolution, in assembly: compilers spill here, for all fourteen registers are in use.
 *
 * Two channels share their weights' unpacking: a halfword of the weights is 256 * w1 + w0, so that SMLAD of it yields
 * 256 * S1 + S0, and SMLAD after SXTB16, which leaves w0, yields S0.  The packer has proven that S1 survives that.
 */
#include "dsp.h"

#if GROAT_DSP_ASSEMBLY

/* t = 2 * (acc + bias), y = round(t * multiplier / 2^32) + offset, to the left if t was negative; shift; saturate. */
#define REQUANTIZE(acc, fold, t)             \
    "add " t ", r8, " acc ", " fold "\n"     \
    "smmlar " acc ", " t ", r9, r10\n"       \
    "add " acc ", " acc ", " t ", asr #31\n" \
    "asr " acc ", " acc ", r11\n"            \
    "ssat " acc ", #8, " acc "\n"

/* The short way: one multiplication of 256 times the sum with its bias.  The first channel's comes to it by a shift,
 * the second's by what it still holds of the first. */
#define SHIFTED(acc) "add " acc ", r8, " acc ", lsl #8\n"
#define BIASED(acc) "add " acc ", r8\n"
#define SHORT(acc)                      \
    "smmla " acc ", " acc ", r9, r10\n" \
    "ssat " acc ", #8, " acc ", asr #12\n"

#define SMLAD(acc, w, x) "smlad " acc ", " w ", " x ", " acc "\n"
#define SMUAD(acc, w, x) "smuad " acc ", " w ", " x "\n"

/* Four inputs of each pixel, two words of weights.  MAC is SMLAD, or SMUAD for the first. */
#define HALF3(MAC, w)                                                        \
    "ldmia.w r7!, {r10, r11, r12}\n" MAC("r3", w, "r10") MAC("r4", w, "r11") \
        MAC("r5", w, "r12") "sxtb16 " w ", " w "\n" MAC("r0", w, "r10") MAC("r1", w, "r11") MAC("r2", w, "r12")
#define QUAD3(FIRST) "ldmia.w r6!, {r8, r9}\n" HALF3(FIRST, "r8") HALF3(SMLAD, "r9")

#define HALF2(MAC, w, x0, x1) \
    MAC("r2", w, x0) MAC("r3", w, x1) "sxtb16 " w ", " w "\n" MAC("r0", w, x0) MAC("r1", w, x1)
#define QUAD2(FIRST)          \
    "ldmia.w r6!, {r8, r9}\n" \
    "ldmia.w r7!, {r4, r5, r10, r11}\n" HALF2(FIRST, "r8", "r4", "r5") HALF2(SMLAD, "r9", "r10", "r11")

#define HALF1(w, x) SMLAD("r1", w, x) "sxtb16 " w ", " w "\n" SMLAD("r0", w, x)
#define QUAD1                 \
    "ldmia.w r6!, {r8, r9}\n" \
    "ldmia.w r7!, {r2, r3}\n" HALF1("r8", "r2") HALF1("r9", "r3")
#define OCTET1                          \
    "ldmia.w r6!, {r8, r9, r10, r11}\n" \
    "ldmia.w r7!, {r2, r3, r4, r5}\n" HALF1("r8", "r2") HALF1("r9", "r3") HALF1("r10", "r4") HALF1("r11", "r5")

/* The frame: a copy of the block's first five words (panel, its end, channels, one byte before out, out_stride), where to
 * enter the unrolled loop, and where to make outputs: at 5 the short way, or at 4 for the other function, which is named
 * inside so that profiles count what the two share as its. */
#define ENTER(other)                           \
    ".syntax unified\n"                        \
    "adr.w r12, 5f\n"                          \
    "b 0f\n"                                   \
    ".global " other "\n"                      \
    ".thumb_func\n"                            \
    ".type " other ", %function\n" other ":\n" \
    "adr.w r12, 4f\n"                          \
    "0:\n"                                     \
    "push {r4-r11, lr}\n"                      \
    "sub sp, #32\n"                            \
    "add r12, #1\n"                            \
    "ldrd r6, r5, [r0, #20]\n"                 \
    "ldm r0, {r0-r4}\n"                        \
    "str r12, [sp, #28]\n"                     \
    "subs r3, #1\n"                            \
    "stm sp, {r0-r4}\n"
#define NEXT_PAIR             \
    "strd r7, lr, [sp, #8]\n" \
    "cmp.w r11, #0\n"         \
    "bge.w 1b\n"
#define LEAVE       \
    "6:\n"          \
    "mov r0, r7\n"  \
    "add sp, #32\n" \
    "pop {r4-r11, pc}\n"

/* Quads but the first, modulo 4, are done by jumping to so many before the end of the loop. */
#define ENTRY(quad_bytes)       \
    "subs r5, #1\n"             \
    "and r5, r5, #3\n"          \
    "mov r3, #" quad_bytes "\n" \
    "mul r5, r5, r3\n"          \
    "adr.w r4, 3f\n"            \
    "subs r4, r4, r5\n"         \
    "adds r4, #1\n"             \
    "str r4, [sp, #20]\n"

/* Outputs of three pixels; the next channel's constants. */
#define STORE3(a, b, c)       \
    "strb " a ", [lr, #1]!\n" \
    "strb " b ", [lr, r12]\n" \
    "strb " c ", [lr, r12, lsl #1]\n"
#define CONSTANTS "ldmia.w r7!, {r8-r11}\n"

__attribute__((naked)) const dsp_channel *groat_dsp_short_block3(__attribute__((unused)) const dsp_block *block)
{
    __asm__ volatile(ENTER("groat_dsp_block3") ENTRY(
        "68") "1:\n"
              "ldrd r7, lr, [sp]\n" QUAD3(
                  SMUAD) "ldr.w pc, [sp, #20]\n"
                         "2:\n" QUAD3(SMLAD) QUAD3(SMLAD) QUAD3(SMLAD)
                             QUAD3(SMLAD) "3:\n"
                                          "cmp r7, lr\n"
                                          "bne.w 2b\n"
                                          "subs r3, r3, r0\n"
                                          "subs r4, r4, r1\n"
                                          "subs r5, r5, r2\n"
                                          "ldrd r7, lr, [sp, #8]\n" CONSTANTS "ldr.w pc, [sp, #28]\n"
                                          "5:\n" SHIFTED("r0") SHIFTED("r1") SHIFTED("r2") SHORT("r0") SHORT("r1")
                                              SHORT("r2") "ldr r12, [sp, #16]\n" STORE3("r0", "r1", "r2")
                                                  CONSTANTS BIASED("r3") BIASED("r4") BIASED("r5") SHORT("r3")
                                                      SHORT("r4") SHORT("r5") STORE3("r3", "r4", "r5") NEXT_PAIR
                     "b 6f\n"
                     "4:\n" REQUANTIZE("r0", "lsl #1", "r12") REQUANTIZE("r1", "lsl #1", "r12")
                         REQUANTIZE("r2", "lsl #1", "r12") "ldr r12, [sp, #16]\n" STORE3("r0", "r1", "r2")
                             CONSTANTS REQUANTIZE("r3", "asr #7", "r0") REQUANTIZE("r4", "asr #7", "r0")
                                 REQUANTIZE("r5", "asr #7", "r0") STORE3("r3", "r4", "r5") NEXT_PAIR LEAVE);
}

#define STORE2(a, b)          \
    "strb " a ", [lr, #1]!\n" \
    "strb " b ", [lr, r5]\n"

__attribute__((naked)) const dsp_channel *groat_dsp_short_block2(__attribute__((unused)) const dsp_block *block)
{
    __asm__ volatile(ENTER("groat_dsp_block2") ENTRY(
        "48") "1:\n"
              "ldrd r7, lr, [sp]\n" QUAD2(SMUAD) "ldr.w pc, [sp, #20]\n"
                                                 "2:\n" QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(
                                                     SMLAD) "3:\n"
                                                            "cmp r7, lr\n"
                                                            "bne.w 2b\n"
                                                            "subs r2, r2, r0\n"
                                                            "subs r3, r3, r1\n"
                                                            "ldrd r7, lr, [sp, #8]\n"
                                                            "ldr r5, [sp, #16]\n" CONSTANTS "ldr.w pc, [sp, #28]\n"
                                                            "5:\n" SHIFTED("r0") SHIFTED("r1") SHORT("r0") SHORT("r1")
                                                                STORE2("r0", "r1") CONSTANTS BIASED("r2") BIASED("r3")
                                                                    SHORT("r2") SHORT("r3") STORE2("r2", "r3") NEXT_PAIR
                     "b 6f\n"
                     "4:\n" REQUANTIZE("r0", "lsl #1", "r12") REQUANTIZE("r1", "lsl #1", "r12") STORE2("r0", "r1")
                         CONSTANTS REQUANTIZE("r2", "asr #7", "r12") REQUANTIZE("r3", "asr #7", "r12")
                             STORE2("r2", "r3") NEXT_PAIR LEAVE);
}

/* One pixel has registers to spare for two quads at once; an odd one comes first. */
__attribute__((naked)) const dsp_channel *groat_dsp_short_block1(__attribute__((unused)) const dsp_block *block)
{
    __asm__ volatile(ENTER(
        "groat_dsp_block1") "adr.w r2, 7f\n"
                            "adr.w r3, 8f\n"
                            "tst r5, #2\n"
                            "ite eq\n"
                            "moveq r4, r3\n"
                            "movne r4, r2\n"
                            "adds r4, #1\n"
                            "str r4, [sp, #24]\n"
                            "adr.w r2, 2f\n"
                            "adds r2, #1\n"
                            "tst r5, #1\n"
                            "it ne\n"
                            "movne r4, r2\n"
                            "str r4, [sp, #20]\n"
                            "1:\n"
                            "ldrd r7, lr, [sp]\n"
                            "movs r0, #0\n"
                            "movs r1, #0\n"
                            "ldr.w pc, [sp, #20]\n"
                            "2:\n" QUAD1 "ldr.w pc, [sp, #24]\n"
                            "3:\n" OCTET1 "7:\n" OCTET1 "8:\n"
                            "cmp r7, lr\n"
                            "bne.w 3b\n"
                            "subs r1, r1, r0\n"
                            "ldrd r7, lr, [sp, #8]\n" CONSTANTS "ldr.w pc, [sp, #28]\n"
                            "5:\n" SHIFTED("r0") SHORT("r0") "strb r0, [lr, #1]!\n" CONSTANTS BIASED("r1") SHORT(
                                "r1") "strb r1, [lr, #1]!\n" NEXT_PAIR "b 6f\n"
                                      "4:\n" REQUANTIZE("r0", "lsl #1", "r12") "strb r0, [lr, #1]!\n" CONSTANTS
                                          REQUANTIZE("r1", "asr #7", "r12") "strb r1, [lr, #1]!\n" NEXT_PAIR LEAVE);
}

int32_t *groat_dsp_widen3(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads)
{
    const int8_t *y = x + pixel_stride;
    const int8_t *z = y + pixel_stride;
    __asm__ volatile("1:\n"
                     "ldr r8, [%1], #4\n"
                     "ldr r9, [%2], #4\n"
                     "ldr r10, [%3], #4\n"
                     "sxtb16 r4, r8\n"
                     "sxtb16 r5, r9\n"
                     "sxtb16 r6, r10\n"
                     "sxtb16 r8, r8, ror #8\n"
                     "sxtb16 r9, r9, ror #8\n"
                     "sxtb16 r10, r10, ror #8\n"
                     "subs %4, #1\n"
                     "stmia.w %0!, {r4, r5, r6, r8, r9, r10}\n"
                     "bne 1b\n"
                     : "+r"(panel), "+r"(x), "+r"(y), "+r"(z), "+r"(quads)
                     :
                     : "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory");
    return panel;
}

int32_t *groat_dsp_widen2(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads)
{
    const int8_t *y = x + pixel_stride;
    __asm__ volatile("1:\n"
                     "ldr r6, [%1], #4\n"
                     "ldr r8, [%2], #4\n"
                     "sxtb16 r4, r6\n"
                     "sxtb16 r5, r8\n"
                     "sxtb16 r6, r6, ror #8\n"
                     "sxtb16 r8, r8, ror #8\n"
                     "subs %3, #1\n"
                     "stmia.w %0!, {r4, r5, r6, r8}\n"
                     "bne 1b\n"
                     : "+r"(panel), "+r"(x), "+r"(y), "+r"(quads)
                     :
                     : "r4", "r5", "r6", "r8", "cc", "memory");
    return panel;
}

int32_t *groat_dsp_widen1(int32_t *panel, const int8_t *x, __attribute__((unused)) uint32_t pixel_stride,
                          uint32_t quads)
{
    __asm__ volatile("1:\n"
                     "ldr r5, [%1], #4\n"
                     "sxtb16 r4, r5\n"
                     "sxtb16 r5, r5, ror #8\n"
                     "subs %2, #1\n"
                     "stmia.w %0!, {r4, r5}\n"
                     "bne 1b\n"
                     : "+r"(panel), "+r"(x), "+r"(quads)
                     :
                     : "r4", "r5", "cc", "memory");
    return panel;
}

#else /* the same in C */

static const dsp_channel *block_of(const dsp_block *b, uint32_t pixels, int short_way)
{
    const int32_t *w = b->weights;
    int8_t *out = b->out;
    for (const dsp_channel *c = b->channels;; c += 2, w += 2 * b->quads, out += 2) {
        for (uint32_t p = 0; p < pixels; p++) {
            int32_t both = 0;
            int32_t s0 = 0;
            for (uint32_t h = 0; h < 2 * b->quads; h++) {
                int32_t x = b->panel[h * pixels + p];
                both = __smlad(w[h], x, both);
                s0 = __smlad(__sxtb16(w[h]), x, s0);
            }
            int32_t s1_256 = (int32_t)((uint32_t)both - (uint32_t)s0);
            if (short_way) {
                out[p * b->out_stride] = dsp_requantize_short((uint32_t)s0 << 8, &c[0]);
                out[p * b->out_stride + 1] = dsp_requantize_short((uint32_t)s1_256, &c[1]);
                continue;
            }
            out[p * b->out_stride] = dsp_requantize_fast((uint32_t)s0 << 1, &c[0]);
            out[p * b->out_stride + 1] = dsp_requantize_fast((uint32_t)(s1_256 >> 7), &c[1]);
        }
        if (dsp_ends_run(&c[1])) {
            return c + 2;
        }
    }
}

static int32_t *widen_of(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads, uint32_t pixels)
{
    for (uint32_t q = 0; q < quads; q++, x += 4, panel += 2 * pixels) {
        for (uint32_t p = 0; p < pixels; p++) {
            int32_t bytes = dsp_load(x + p * pixel_stride);
            panel[p] = __sxtb16(bytes);
            panel[pixels + p] = dsp_odd_bytes(bytes);
        }
    }
    return panel;
}

const dsp_channel *groat_dsp_block1(const dsp_block *block)
{
    return block_of(block, 1, 0);
}

const dsp_channel *groat_dsp_short_block1(const dsp_block *block)
{
    return block_of(block, 1, 1);
}

const dsp_channel *groat_dsp_block2(const dsp_block *block)
{
    return block_of(block, 2, 0);
}

const dsp_channel *groat_dsp_short_block2(const dsp_block *block)
{
    return block_of(block, 2, 1);
}

const dsp_channel *groat_dsp_block3(const dsp_block *block)
{
    return block_of(block, 3, 0);
}

const dsp_channel *groat_dsp_short_block3(const dsp_block *block)
{
    return block_of(block, 3, 1);
}

int32_t *groat_dsp_widen1(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads)
{
    return widen_of(panel, x, pixel_stride, quads, 1);
}

int32_t *groat_dsp_widen2(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads)
{
    return widen_of(panel, x, pixel_stride, quads, 2);
}

int32_t *groat_dsp_widen3(int32_t *panel, const int8_t *x, uint32_t pixel_stride, uint32_t quads)
{
    return widen_of(panel, x, pixel_stride, quads, 3);
}

#endif
