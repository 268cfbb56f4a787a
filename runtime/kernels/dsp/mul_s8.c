/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of two arrays with the DSP extension, where it is scaled down and not clamped further than to int8, as
 * TFLite does it.  All else takes the portable way.
 */
#include "dsp.h"

enum {
    MOST_SHIFT = 22     /* with which the output's zero point still fits the offset */
};

/* Twice the product is (2 * a - a_offset) * (b - b_offset); it meets the multiplier as an accumulator does. */
typedef struct plan {
    int32_t a_offset;
    int32_t b_offset;
    int32_t multiplier;
    int32_t offset;
    int32_t shift;
    uint32_t a_step;
    uint32_t b_step;
} plan;

static int is_int8(int32_t x)
{
    return x == (int8_t)x;
}

#if GROAT_DSP_ASSEMBLY

#define ELEMENT                  \
    "ldrsb r12, [r1]\n"          \
    "ldrsb r0, [r2]\n"           \
    "rsb r12, r4, r12, lsl #1\n" \
    "subs r0, r0, r5\n"          \
    "mul r12, r12, r0\n"         \
    "add r1, r9\n"               \
    "smmlar r0, r12, r6, r7\n"   \
    "add r2, r10\n"              \
    "add r0, r0, r12, asr #31\n" \
    "asr r0, r0, r8\n"           \
    "ssat r0, #8, r0\n"          \
    "strb r0, [r3], #1\n"

__attribute__((naked, noinline)) static void multiply(__attribute__((unused)) const plan *p,
                                                      __attribute__((unused)) const int8_t *a,
                                                      __attribute__((unused)) const int8_t *b,
                                                      __attribute__((unused)) int8_t *out,
                                                      __attribute__((unused)) uint32_t count)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r4-r11, lr}\n"
                     "ldm r0, {r4-r10}\n"
                     "ldr lr, [sp, #36]\n"
                     "1:\n" /* one by one to a multiple of two, then two by two */
                     "tst.w lr, #1\n"
                     "beq 2f\n" ELEMENT "sub.w lr, lr, #1\n"
                     "2:\n"
                     "cmp.w lr, #0\n"
                     "beq 4f\n"
                     "3:\n" ELEMENT ELEMENT "subs.w lr, lr, #2\n"
                     "bne 3b\n"
                     "4:\n"
                     "pop {r4-r11, pc}\n");
}

#else /* the same in C */

static void multiply(const plan *p, const int8_t *a, const int8_t *b, int8_t *out, uint32_t count)
{
    const dsp_channel output = {0, p->multiplier, p->offset, p->shift};
    for (uint32_t i = 0; i < count; i++, a += p->a_step, b += p->b_step) {
        out[i] = dsp_requantize_fast((uint32_t)((2 * *a - p->a_offset) * (*b - p->b_offset)), &output);
    }
}

#endif

void groat_mul_s8_dsp(const groat_mul_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    int32_t shift = -k->shift;
    if (shift < 1 || shift > MOST_SHIFT || k->multiplier < 0 || !is_int8(k->a_zero_point) ||
        !is_int8(k->b_zero_point) || !is_int8(k->output_zero_point) || k->act_min != INT8_MIN ||
        k->act_max != INT8_MAX || count == 0) {
        groat_mul_s8_ref(k, a, a_step, b, b_step, out, count);
        return;
    }
    const plan p = {
        .a_offset = 2 * k->a_zero_point,
        .b_offset = k->b_zero_point,
        .multiplier = k->multiplier,
        .offset = (1 << (shift - 1)) + k->output_zero_point * (1 << shift),
        .shift = shift,
        .a_step = a_step,
        .b_step = b_step,
    };
    multiply(&p, a, b, out, count);
}
