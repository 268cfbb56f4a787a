/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of Winograd's filtering on two tiles and two channels (winograd_s8.c says what they compute): inputs and
 * outputs of F(4x4, 3x3), and products; block_winograd2_s8.c has the others of F(2x2, 3x3).
 */
#include "tiles.h"
#include "wide.h"

#if GROAT_DSP_ASSEMBLY

/* clang-format off */

/* ---- Inputs ---- */

/* B' d in place.  The results are in d0, d1, d4, d3, t and d5, in that order; d2 is free. */
#define TRANSFORM(d0, d1, d2, d3, d4, d5, t)      \
    "sub " d0 ", " d0 ", " d2 "\n"                \
    "sub " d5 ", " d5 ", " d3 "\n"                \
    "sub " t ", " d4 ", " d2 "\n"                 \
    "sub " d4 ", " d4 ", " d2 ", lsl #2\n"        \
    "sub " d2 ", " d3 ", " d1 "\n"                \
    "sub " d3 ", " d3 ", " d1 ", lsl #2\n"        \
    "add " d0 ", " t ", " d0 ", lsl #2\n"         \
    "sub " d5 ", " d5 ", " d2 ", lsl #2\n"        \
    "add " d1 ", " d4 ", " d3 "\n"                \
    "sub " d4 ", " d4 ", " d3 "\n"                \
    "add " d3 ", " t ", " d2 ", lsl #1\n"         \
    "sub " t ", " t ", " d2 ", lsl #1\n"

/* Bytes 0 and 2 plus 128, which lr holds twice; a rotation brings bytes 1 and 3 there. */
#define WIDEN(d, x) "sxtab16 " d ", lr, " x "\n"
#define WIDEN_ODD(x) "sxtab16 " x ", lr, " x ", ror #8\n"

/* The frame: six rows of two halves, transformed; then what the registers have no room for. */
#define FRAME "320"
#define ROW_AT "288"        /* where the next row pointer lies, where the next row of the frame */
#define OFFSET_AT "296"     /* of the quad in its row; stride between pixels */
#define PLACE_AT "304"      /* where the next quad goes; quads left */
#define PITCH_AT "312"      /* from a place to the next; row pointers */

/* Gives back what the low half borrowed. */
#define REPAY(d)                                  \
    "and r10, " d ", #0x8000\n"                   \
    "add " d ", " d ", r10, lsl #1\n"

/* A column of half a quad, `from` bytes behind r11, to r7. */
#define COLUMN(from)                                                            \
    "ldr r0, [r11, #" from "]\n"                                                \
    "ldr r1, [r11, #" from "+48]\n"                                             \
    "ldr r2, [r11, #" from "+96]\n"                                             \
    "ldr r3, [r11, #" from "+144]\n"                                            \
    "ldr r4, [r11, #" from "+192]\n"                                            \
    "ldr r5, [r11, #" from "+240]\n"                                            \
    TRANSFORM("r0", "r1", "r2", "r3", "r4", "r5", "r6")                         \
    REPAY("r0") REPAY("r1") REPAY("r4") REPAY("r3") REPAY("r6") REPAY("r5")     \
    "str r0, [r7]\n"                                                            \
    "str r1, [r7, r8]\n"                                                        \
    "str r4, [r7, r8, lsl #1]\n"                                                \
    "add r2, r7, r8, lsl #1\n"                                                  \
    "str r3, [r2, r8]\n"                                                        \
    "str r6, [r2, r8, lsl #1]\n"                                                \
    "add r2, r2, r8, lsl #1\n"                                                  \
    "str r5, [r2, r8]\n"

__attribute__((naked)) void groat_dsp_winograd4_inputs(__attribute__((unused)) const int8_t *const *rows,
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
        "strd r1, r2, [sp, #" OFFSET_AT "]\n"
        "strd r3, r4, [sp, #" PLACE_AT "]\n"
        "lsl r4, r4, #4\n"
        "strd r4, r0, [sp, #" PITCH_AT "]\n"
        "1:\n"
        "ldr r0, [sp, #" PITCH_AT "+4]\n"
        "mov r1, sp\n"
        "strd r0, r1, [sp, #" ROW_AT "]\n"
        "mov lr, #0x00800080\n"
        "2:\n"
        "ldr r9, [sp, #" ROW_AT "]\n"
        "ldrd r10, r11, [sp, #" OFFSET_AT "]\n"
        "ldr r12, [r9], #4\n"
        "str r9, [sp, #" ROW_AT "]\n"
        "ldr r0, [r12, r10]\n"
        "add r12, r12, r10\n"
        "ldr r1, [r12, r11]\n"
        "ldr r2, [r12, r11, lsl #1]\n"
        "add r12, r12, r11, lsl #1\n"
        "ldr r4, [r12, r11]\n"
        "ldr r3, [r12, r11, lsl #1]\n"
        "add r12, r12, r11, lsl #1\n"
        "ldr r6, [r12, r11]\n"
        WIDEN("r5", "r0") WIDEN("r7", "r1") WIDEN("r8", "r2") WIDEN("r10", "r4") WIDEN("r9", "r3") WIDEN("r12", "r6")
        TRANSFORM("r5", "r7", "r8", "r10", "r9", "r12", "r11")
        "ldr r8, [sp, #" ROW_AT "+4]\n"
        "stmia.w r8!, {r5, r7, r9, r10, r11, r12}\n"
        WIDEN_ODD("r0") WIDEN_ODD("r1") WIDEN_ODD("r2") WIDEN_ODD("r4") WIDEN_ODD("r3") WIDEN_ODD("r6")
        TRANSFORM("r0", "r1", "r2", "r4", "r3", "r6", "r5")
        "stmia.w r8!, {r0, r1, r3, r4, r5, r6}\n"
        "str r8, [sp, #" ROW_AT "+4]\n"
        "add r9, sp, #288\n"
        "cmp r8, r9\n"
        "bne.w 2b\n"
        "ldr r7, [sp, #" PLACE_AT "]\n"
        "ldr r9, [sp, #" PITCH_AT "]\n"
        "add r8, r9, r9, lsl #1\n"
        "lsl r8, r8, #1\n"          /* from a row of places to the next */
        "mov r11, sp\n"
        "add r12, sp, #24\n"
        "3:\n"
        COLUMN("0")
        "adds r7, #8\n"
        COLUMN("24")
        "subs r7, #8\n"
        "add r7, r7, r9\n"
        "add r11, r11, #4\n"
        "cmp r11, r12\n"
        "bne.w 3b\n"
        "ldrd r0, r1, [sp, #" OFFSET_AT "]\n"
        "ldrd r2, r3, [sp, #" PLACE_AT "]\n"
        "adds r0, #4\n"
        "adds r2, #16\n"
        "subs r3, #1\n"
        "strd r0, r1, [sp, #" OFFSET_AT "]\n"
        "strd r2, r3, [sp, #" PLACE_AT "]\n"
        "bne.w 1b\n"
        "add sp, #" FRAME "\n"
        "pop {r4-r11, pc}\n");
}

/* ---- Products ---- */

__attribute__((naked)) void groat_dsp_winograd_products(__attribute__((unused)) const dsp_tiles *tiles)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "sub sp, #12\n"
        "ldm r0, {r6, r7, r12}\n"
        "ldr r5, [r0, #12]\n"
        "ldr.w lr, [r0, #36]\n"
        "strd r12, lr, [sp, #4]\n"
        "subs r5, #1\n"             /* the first quad starts the sums; of the rest so many at the end of the row */
        "mov r3, #" QUAD2_BYTES "\n"
        "mul r5, r5, r3\n"
        "adr.w r4, 2f\n"
        "subs r4, r4, r5\n"
        "adds r4, #1\n"
        "str r4, [sp]\n"
        "1:\n"
        QUAD2(SMUAD)
        "ldr.w pc, [sp]\n"
        QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD)
        QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD)
        QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD) QUAD2(SMLAD)
        "2:\n"
        "ldrd r12, lr, [sp, #4]\n"
        "stmia.w r12!, {r0-r3}\n"
        "str r12, [sp, #4]\n"
        "cmp r12, lr\n"
        "bne.w 1b\n"
        "add sp, #12\n"
        "pop {r4-r11, pc}\n");
}

/* ---- Outputs ---- */

/* A' m of six sums in r0 to r5: the results are in r0, r3, r2 and r5; r1, r4 and r6 are free. */
#define GATHER                      \
    "add r6, r1, r2\n"              \
    "sub r1, r1, r2\n"              \
    "add r2, r3, r4\n"              \
    "sub r3, r3, r4\n"              \
    "add r0, r0, r2\n"              \
    "sub r0, r0, r6, lsl #2\n"      \
    "sub r2, r2, r6\n"              \
    "sub r5, r5, r1\n"              \
    "add r5, r5, r3, lsl #1\n"      \
    "sub r3, r3, r1, lsl #1\n"

/* Six sums `step` apart, from `at` bytes behind r7 on. */
#define LOAD_SUMS(at, step)                         \
    "ldr r0, [r7, #(" at ")]\n"                     \
    "ldr r1, [r7, #(" at ")+(" step ")]\n"          \
    "ldr r2, [r7, #(" at ")+2*(" step ")]\n"        \
    "ldr r3, [r7, #(" at ")+3*(" step ")]\n"        \
    "ldr r4, [r7, #(" at ")+4*(" step ")]\n"        \
    "ldr r5, [r7, #(" at ")+5*(" step ")]\n"

#define SUMS_COLUMN(at)             \
    LOAD_SUMS(at, "96")             \
    GATHER                          \
    "str r0, [r7, #" at "]\n"       \
    "str r3, [r7, #" at "+96]\n"    \
    "str r2, [r7, #" at "+192]\n"   \
    "str r5, [r7, #" at "+288]\n"

/* A ninth, halved so often but once, and scaled. */
#define OUTPUT(acc, halvings)               \
    "mul " acc ", " acc ", r12\n"           \
    REQUANTIZE_OF(acc, "asr #" halvings, "r1")

#define OUTPUTS_ROW(at, a, b, c)            \
    LOAD_SUMS(at, "16")                     \
    GATHER                                  \
    OUTPUT("r0", a) OUTPUT("r3", b) OUTPUT("r2", c) OUTPUT("r5", c)     \
    "ldrd r4, r6, [sp]\n"                   \
    "strb r3, [lr, r4]\n"                   \
    "strb r2, [lr, r4, lsl #1]\n"           \
    "add r1, lr, r4, lsl #1\n"              \
    "strb r5, [r1, r4]\n"                   \
    "strb r0, [lr]\n"                       \
    "add lr, lr, r6\n"

__attribute__((naked)) void groat_dsp_winograd4_outputs(__attribute__((unused)) const dsp_tiles *tiles)
{
    __asm__ volatile(
        ENTER_OUTPUTS
        SUMS_COLUMN("0") SUMS_COLUMN("16") SUMS_COLUMN("32")
        SUMS_COLUMN("48") SUMS_COLUMN("64") SUMS_COLUMN("80")
        "ldr r1, [sp, #16]\n"
        "ldm r1, {r8-r11}\n"
        "movw r12, #0x8e39\n"
        "movt r12, #0x38e3\n"
        "ldr lr, [sp, #8]\n"
        OUTPUTS_ROW("0", "5", "4", "3")
        OUTPUTS_ROW("96", "4", "3", "2")
        OUTPUTS_ROW("192", "3", "2", "1")
        OUTPUTS_ROW("288", "3", "2", "1")
        NEXT_OUTPUTS);
}

/* clang-format on */

#else /* the same in C */

enum {
    PLACES = DSP_WINOGRAD4_PLACES,
    ROW = 6             /* places in a row of a transformed tile */
};

/* B' d of six words. */
static void transform(uint32_t *d, uint32_t step)
{
    uint32_t d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    uint32_t even = d4 - 4u * d2;
    uint32_t odd = d3 - 4u * d1;
    uint32_t near_even = d4 - d2;
    uint32_t near_odd = d3 - d1;
    d[0] = near_even + 4u * (d0 - d2);
    d[step] = even + odd;
    d[2 * step] = even - odd;
    d[3 * step] = near_even + 2u * near_odd;
    d[4 * step] = near_even - 2u * near_odd;
    d[5 * step] = d5 - d3 - 4u * near_odd;
}

void groat_dsp_winograd4_inputs(const int8_t *const *rows, uint32_t at, uint32_t pixel_stride, int32_t *to,
                                uint32_t quads)
{
    uint32_t pitch = quads * 4u;
    for (uint32_t q = 0; q < quads; q++, at += 4u) {
        for (uint32_t half = 0; half < 2u; half++, to += 2) {
            uint32_t d[PLACES];
            for (uint32_t r = 0; r < ROW; r++) {
                for (uint32_t c = 0; c < ROW; c++) {
                    uint32_t word = (uint32_t)dsp_load(rows[r] + at + c * pixel_stride) ^ 0x80808080u;
                    d[r * ROW + c] = word >> (8u * half) & 0x00ff00ffu;
                }
                transform(d + r * ROW, 1);
            }
            for (uint32_t c = 0; c < ROW; c++) {
                transform(d + c, ROW);
            }
            for (uint32_t i = 0; i < PLACES; i++) {
                to[i * pitch] = (int32_t)(d[i] + ((d[i] & 0x8000u) << 1));
            }
        }
    }
}

void groat_dsp_winograd_products(const dsp_tiles *tiles)
{
    const int32_t *w = tiles->weights;
    const int32_t *x = tiles->inputs;
    for (int32_t *sums = tiles->sums; sums < tiles->sums_end; sums += 4) {
        int32_t s[4] = {0, 0, 0, 0};
        for (uint32_t h = 0; h < 2u * tiles->quads; h++, w += 2, x += 2) {
            s[0] = __smlad(w[0], x[0], s[0]);
            s[1] = __smlad(w[0], x[1], s[1]);
            s[2] = __smlad(w[1], x[0], s[2]);
            s[3] = __smlad(w[1], x[1], s[3]);
        }
        for (uint32_t j = 0; j < 4u; j++) {
            sums[j] = s[j];
        }
    }
}

/* A' m of six sums; the four results take the places of the first four. */
static void gather(int32_t *m, uint32_t step)
{
    uint32_t sum = (uint32_t)m[step] + (uint32_t)m[2 * step];
    uint32_t difference = (uint32_t)m[step] - (uint32_t)m[2 * step];
    uint32_t far_sum = (uint32_t)m[3 * step] + (uint32_t)m[4 * step];
    uint32_t far_difference = (uint32_t)m[3 * step] - (uint32_t)m[4 * step];
    m[0] = (int32_t)((uint32_t)m[0] + far_sum - 4u * sum);
    m[step] = (int32_t)(far_difference - 2u * difference);
    m[2 * step] = (int32_t)(far_sum - sum);
    m[3 * step] = (int32_t)(2u * far_difference - difference + (uint32_t)m[5 * step]);
}

void groat_dsp_winograd4_outputs(const dsp_tiles *tiles)
{
    static const uint8_t halvings[4] = {3, 2, 1, 1};
    const uint32_t inverse_of_9 = 954437177u;
    for (uint32_t j = 0; j < 4u; j++) {
        int32_t *m = tiles->sums + j;
        const dsp_channel *c = tiles->channels + j / 2u;
        for (uint32_t i = 0; i < ROW; i++) {
            gather(m + 4u * i, 4u * ROW);
        }
        for (uint32_t r = 0; r < 4u; r++) {
            int8_t *out = tiles->out[j % 2u] + j / 2u + r * tiles->out_row_stride;
            gather(m + 4u * ROW * r, 4);
            for (uint32_t p = 0; p < 4u; p++) {
                int32_t y = (int32_t)((uint32_t)m[4u * (ROW * r + p)] * inverse_of_9);
                uint32_t doubled = (uint32_t)(y >> (halvings[r] + halvings[p] - 1u));
                out[p * tiles->out_stride] = dsp_requantize_fast(doubled, c);
            }
        }
    }
}

#endif
