/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two arrays with the DSP extension, where their scales are as TFLite makes them: the larger one becomes a
 * factor of exactly a half, so that its rescaling is a shift.  All else takes the portable way.
 */
#include "dsp.h"

enum {
    LEFT_SHIFT = 20,
    HALF = 1 << 30
};

/* Twice the one rescaled input is (a << 20) - exact_offset.  The other, y, is (b << 21) - other_offset times
 * multiplier / 2^32, plus rounding, shifted.  Their sum meets the output's multiplier as an accumulator does. */
typedef struct plan {
    int32_t exact_offset;
    int32_t other_offset;
    int32_t multiplier;
    int32_t rounding;
    int32_t shift;
    int32_t output_multiplier;
    int32_t output_offset;
    int32_t output_shift;
} plan;

static int is_int8(int32_t x)
{
    return x == (int8_t)x;
}

/* Whether the sum can go this way with `a` as the input whose factor is a half: nothing overflows then. */
static int make_plan(const groat_add_s8 *k, plan *p)
{
    int32_t shift = -k->b_shift;
    int32_t output_shift = -k->output_shift;
    if (k->left_shift != LEFT_SHIFT || k->a_multiplier != HALF || k->a_shift != 0 || k->b_multiplier < 0 || shift < 1 ||
        shift > 30 || k->output_multiplier < 0 || output_shift < 1 || output_shift > 22 || !is_int8(k->a_zero_point) ||
        !is_int8(k->b_zero_point) || !is_int8(k->output_zero_point) || k->act_min != INT8_MIN ||
        k->act_max != INT8_MAX) {
        return 0;
    }
    *p = (plan){
        .exact_offset = k->a_zero_point * (1 << LEFT_SHIFT),
        .other_offset = k->b_zero_point * (2 << LEFT_SHIFT),
        .multiplier = k->b_multiplier,
        .rounding = 1 << (shift - 1),
        .shift = shift,
        .output_multiplier = k->output_multiplier,
        .output_offset = (1 << (output_shift - 1)) + k->output_zero_point * (1 << output_shift),
        .output_shift = output_shift,
    };
    return 1;
}

#if GROAT_DSP_ASSEMBLY

#define ELEMENT                   \
    "ldrsb r12, [r2], #1\n"       \
    "rsb r12, r5, r12, lsl #21\n" \
    "smmlar r0, r12, r6, r7\n"    \
    "add r0, r0, r12, asr #31\n"  \
    "asrs r0, r8\n"               \
    "ldrsb r12, [r1], #1\n"       \
    "rsb r12, r4, r12, lsl #20\n" \
    "add r12, r12, r0, lsl #1\n"  \
    "smmlar r0, r12, r9, r10\n"   \
    "add r0, r0, r12, asr #31\n"  \
    "asrs r0, r11\n"              \
    "ssat r0, #8, r0\n"           \
    "strb r0, [r3], #1\n"

__attribute__((naked, noinline)) static void add(__attribute__((unused)) const plan *p,
                                                 __attribute__((unused)) const int8_t *a,
                                                 __attribute__((unused)) const int8_t *b,
                                                 __attribute__((unused)) int8_t *out,
                                                 __attribute__((unused)) uint32_t count)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r4-r11, lr}\n"
                     "ldm r0, {r4-r11}\n"
                     "ldr lr, [sp, #36]\n"
                     "1:\n" /* one by one to a multiple of four, then four by four */
                     "tst.w lr, #3\n"
                     "beq 2f\n" ELEMENT "sub.w lr, lr, #1\n"
                     "b 1b\n"
                     "2:\n"
                     "cmp.w lr, #0\n"
                     "beq 4f\n"
                     "3:\n" ELEMENT ELEMENT ELEMENT ELEMENT "subs.w lr, lr, #4\n"
                     "bne 3b\n"
                     "4:\n"
                     "pop {r4-r11, pc}\n");
}

#else /* the same in C */

static void add(const plan *p, const int8_t *a, const int8_t *b, int8_t *out, uint32_t count)
{
    const dsp_channel output = {0, p->output_multiplier, p->output_offset, p->output_shift};
    for (uint32_t i = 0; i < count; i++) {
        int32_t t = b[i] * (2 << LEFT_SHIFT) - p->other_offset;
        int32_t y = (int32_t)(((int64_t)t * p->multiplier + ((int64_t)p->rounding << 32) + (1ll << 31)) >> 32);
        y = (y + (t >> 31)) >> p->shift;
        out[i] = dsp_requantize_fast((uint32_t)(a[i] * (1 << LEFT_SHIFT) - p->exact_offset + 2 * y), &output);
    }
}

#endif

void groat_add_s8_dsp(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    groat_add_s8 swapped = *k;
    swapped.a_multiplier = k->b_multiplier;
    swapped.b_multiplier = k->a_multiplier;
    swapped.a_shift = k->b_shift;
    swapped.b_shift = k->a_shift;
    swapped.a_zero_point = k->b_zero_point;
    swapped.b_zero_point = k->a_zero_point;
    plan p;
    int whole = a_step == 1 && b_step == 1;
    if (whole && make_plan(k, &p)) {
        add(&p, a, b, out, count);
    } else if (whole && make_plan(&swapped, &p)) {
        add(&p, b, a, out, count);
    } else {
        groat_add_s8_ref(k, a, a_step, b, b_step, out, count);
    }
}
