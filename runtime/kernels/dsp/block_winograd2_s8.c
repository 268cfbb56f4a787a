/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs of F(2x2, 3x3) on two tiles and two channels (winograd_s8.c says what they compute).
 */
#include "tiles.h"
#include "wide.h"

#if GROAT_DSP_ASSEMBLY

/* clang-format off */

/* ---- Inputs ---- */

/* B' d in place.  The results are in d0, t, d2 and d3, in that order; d1 is free. */
#define TRANSFORM(d0, d1, d2, d3, t)              \
    "ssub16 " d0 ", " d0 ", " d2 "\n"             \
    "ssub16 " d3 ", " d1 ", " d3 "\n"             \
    "sadd16 " t ", " d1 ", " d2 "\n"              \
    "ssub16 " d2 ", " d2 ", " d1 "\n"

/* The frame: four rows, transformed, of eight words; then what the registers have no room for. */
#define FRAME "148"
#define ROWS_AT "128"
#define PLACE_AT "132"      /* where the next quad goes; quads left */
#define PITCH_AT "140"      /* from the second half of a quad to the first at the next place; to the next row of places */

/* A column of half a quad, `from` bytes into the frame, to r7, which is then moved by `step`. */
#define COLUMN(from, step)                        \
    "ldr r0, [sp, #" from "]\n"                   \
    "ldr r1, [sp, #" from "+32]\n"                \
    "ldr r2, [sp, #" from "+64]\n"                \
    "ldr r3, [sp, #" from "+96]\n"                \
    TRANSFORM("r0", "r1", "r2", "r3", "r4")       \
    "str r4, [r7, r8]\n"                          \
    "str r2, [r7, r8, lsl #1]\n"                  \
    "str r3, [r7, r9]\n"                          \
    "str r0, [r7], #" step "\n"
#define NEXT_PLACE "add r7, r7, r5\n"

__attribute__((naked)) void groat_dsp_winograd2_inputs(__attribute__((unused)) const int8_t *const *rows,
                                                       __attribute__((unused)) uint32_t at,
                                                       __attribute__((unused)) uint32_t pixel_stride,
                                                       __attribute__((unused)) int32_t *to,
                                                       __attribute__((unused)) uint32_t quads)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r4, [sp, #36]\n"
        "sub sp, #" FRAME "\n"
        "str r0, [sp, #" ROWS_AT "]\n"
        "strd r3, r4, [sp, #" PLACE_AT "]\n"
        "lsl r5, r4, #4\n"
        "lsl r6, r4, #6\n"
        "subs r5, #8\n"
        "strd r5, r6, [sp, #" PITCH_AT "]\n"
        "mov r10, r1\n"
        "mov r11, r2\n"
        "1:\n"
        "ldr r9, [sp, #" ROWS_AT "]\n"
        "mov lr, sp\n"
        "2:\n"
        "ldr r12, [r9], #4\n"
        "ldr r0, [r12, r10]\n"
        "add r12, r12, r10\n"
        "ldr r1, [r12, r11]\n"
        "ldr r2, [r12, r11, lsl #1]\n"
        "add r12, r12, r11, lsl #1\n"
        "ldr r3, [r12, r11]\n"
        "sxtb16 r4, r0\n"
        "sxtb16 r5, r1\n"
        "sxtb16 r6, r2\n"
        "sxtb16 r7, r3\n"
        TRANSFORM("r4", "r5", "r6", "r7", "r8")
        "sxtb16 r0, r0, ror #8\n"
        "sxtb16 r1, r1, ror #8\n"
        "sxtb16 r2, r2, ror #8\n"
        "sxtb16 r3, r3, ror #8\n"
        TRANSFORM("r0", "r1", "r2", "r3", "r5")
        "stmia.w lr!, {r0, r2, r3, r4, r5, r6, r7, r8}\n"
        "add r1, sp, #128\n"
        "cmp lr, r1\n"
        "bne.w 2b\n"
        "ldrd r5, r8, [sp, #" PITCH_AT "]\n"
        "ldr r7, [sp, #" PLACE_AT "]\n"
        "add r9, r8, r8, lsl #1\n"
        COLUMN("12", "8") COLUMN("0", "0") NEXT_PLACE
        COLUMN("28", "8") COLUMN("16", "0") NEXT_PLACE
        COLUMN("20", "8") COLUMN("4", "0") NEXT_PLACE
        COLUMN("24", "8") COLUMN("8", "0")
        "ldrd r7, r6, [sp, #" PLACE_AT "]\n"
        "add r10, r10, #4\n"
        "adds r7, #16\n"
        "subs r6, #1\n"
        "strd r7, r6, [sp, #" PLACE_AT "]\n"
        "bne.w 1b\n"
        "add sp, #" FRAME "\n"
        "pop {r4-r11, pc}\n");
}

/* ---- Outputs ---- */

/* Both results of a column of sums, `at` bytes behind r7; r8 and r9 are free. */
#define SUMS_COLUMN(at, first, second)            \
    "ldr " first ", [r7, #" at "]\n"              \
    "ldr " second ", [r7, #" at "+64]\n"          \
    "ldr r8, [r7, #" at "+128]\n"                 \
    "ldr r9, [r7, #" at "+192]\n"                 \
    "add " first ", " first ", " second "\n"      \
    "add " first ", " first ", r8\n"              \
    "sub " second ", " second ", r8\n"            \
    "sub " second ", " second ", r9\n"

/* Both results of a row, in a and b. */
#define GATHER(a, b, c, d)                        \
    "add " a ", " a ", " b "\n"                   \
    "add " a ", " a ", " c "\n"                   \
    "sub " b ", " b ", " c "\n"                   \
    "sub " b ", " b ", " d "\n"

/* Four times the sum, halved. */
#define OUTPUT(acc) REQUANTIZE_OF(acc, "asr #1", "r5")

__attribute__((naked)) void groat_dsp_winograd2_outputs(__attribute__((unused)) const dsp_tiles *tiles)
{
    __asm__ volatile(
        ENTER_OUTPUTS
        SUMS_COLUMN("0", "r0", "r1") SUMS_COLUMN("16", "r2", "r3")
        SUMS_COLUMN("32", "r4", "r5") SUMS_COLUMN("48", "r6", "r12")
        GATHER("r0", "r2", "r4", "r6")
        GATHER("r1", "r3", "r5", "r12")
        "ldr r4, [sp, #16]\n"
        "ldm r4, {r8-r11}\n"
        OUTPUT("r0") OUTPUT("r2") OUTPUT("r1") OUTPUT("r3")
        "ldrd r4, r6, [sp]\n"
        "ldr lr, [sp, #8]\n"
        "strb r2, [lr, r4]\n"
        "strb r0, [lr]\n"
        "add lr, lr, r6\n"
        "strb r3, [lr, r4]\n"
        "strb r1, [lr]\n"
        NEXT_OUTPUTS);
}

/* clang-format on */

#else /* the same in C */

enum {
    PLACES = DSP_WINOGRAD2_PLACES,
    ROW = 4             /* places in a row of a transformed tile */
};

/* B' d of four words. */
static void transform(int32_t *d, uint32_t step)
{
    int32_t d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    d[0] = __ssub16(d0, d2);
    d[step] = __sadd16(d1, d2);
    d[2 * step] = __ssub16(d2, d1);
    d[3 * step] = __ssub16(d1, d3);
}

void groat_dsp_winograd2_inputs(const int8_t *const *rows, uint32_t at, uint32_t pixel_stride, int32_t *to,
                                uint32_t quads)
{
    uint32_t pitch = quads * 4u;
    for (uint32_t q = 0; q < quads; q++, at += 4u) {
        for (uint32_t half = 0; half < 2u; half++, to += 2) {
            int32_t d[PLACES];
            for (uint32_t r = 0; r < ROW; r++) {
                for (uint32_t c = 0; c < ROW; c++) {
                    int32_t word = dsp_load(rows[r] + at + c * pixel_stride);
                    d[r * ROW + c] = half == 0 ? __sxtb16(word) : dsp_odd_bytes(word);
                }
                transform(d + r * ROW, 1);
            }
            for (uint32_t c = 0; c < ROW; c++) {
                transform(d + c, ROW);
            }
            for (uint32_t i = 0; i < PLACES; i++) {
                to[i * pitch] = d[i];
            }
        }
    }
}

/* A' m of four sums; the two results take the places of the first two. */
static void gather(int32_t *m, uint32_t step)
{
    uint32_t m1 = (uint32_t)m[step], m2 = (uint32_t)m[2 * step];
    m[0] = (int32_t)((uint32_t)m[0] + m1 + m2);
    m[step] = (int32_t)(m1 - m2 - (uint32_t)m[3 * step]);
}

void groat_dsp_winograd2_outputs(const dsp_tiles *tiles)
{
    for (uint32_t j = 0; j < 4u; j++) {
        int32_t *m = tiles->sums + j;
        const dsp_channel *c = tiles->channels + j / 2u;
        for (uint32_t i = 0; i < ROW; i++) {
            gather(m + 4u * i, 4u * ROW);
        }
        for (uint32_t r = 0; r < 2u; r++) {
            int8_t *out = tiles->out[j % 2u] + j / 2u + r * tiles->out_row_stride;
            gather(m + 4u * ROW * r, 4);
            out[0] = dsp_requantize_fast((uint32_t)(m[4u * ROW * r] >> 1), c);
            out[tiles->out_stride] = dsp_requantize_fast((uint32_t)(m[4u * ROW * r + 4u] >> 1), c);
        }
    }
}

#endif
