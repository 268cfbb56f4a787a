/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two arrays of different scales, sixteen or four elements at a time.
 *
 * The array of the larger scale is nearly always brought to the common scale by one half exactly (multiplier 2^30,
 * no shift): then its rescaling rounds nothing, and with the addition it is one multiplication by a power of two.
 */
#include <arm_mve.h>

#include "vectors.h"

enum {
    ONE_HALF = 1 << 30,
    AT_ONCE = 16,
    LEFT_SHIFT = 20     /* always, in models from TensorFlow Lite */
};

typedef struct operand {
    const int8_t *x;
    uint32_t step;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
} operand;

/* groat_round_shift of groat_mul_high; a shift by nothing must leave negative numbers alone. */
static inline int32x4_t rescale(int32x4_t x, int32_t multiplier, int32_t shift)
{
    x = vqrdmulhq_n_s32(x, multiplier);
    return vrshlq_n_s32(vmlaq_n_s32(x, vshrq_n_s32(x, 31), shift < 0), shift);
}

/* The same where it does shift. */
static inline int32x4_t rescale_down(int32x4_t x, int32_t multiplier, int32_t shift)
{
    x = vqrdmulhq_n_s32(x, multiplier);
    return vrshlq_n_s32(vaddq_s32(x, vshrq_n_s32(x, 31)), shift);
}

/* Sixteen elements less their zero point, times 16: the even ones and the odd ones. */
typedef struct sixteenths {
    int16x8_t even;
    int16x8_t odd;
} sixteenths;

static inline sixteenths take(const int8_t *from, int16_t zero)
{
    int8x16_t x = vldrbq_s8(from);
    return (sixteenths){vaddq_n_s16(vshllbq_n_s8(x, 4), zero), vaddq_n_s16(vshlltq_n_s8(x, 4), zero)};
}

/* As below for as many sixteens as there are, with LEFT_SHIFT; returns how many elements that were.  Where the activation
 * cuts off all below the zero point, it does not matter which way ties of negative numbers go. */
static INLINE uint32_t add_sixteens(const groat_add_s8 *k, const operand *a, const operand *b, int8_t *out,
                                    uint32_t count, int rectified)
{
    const int8x16_t low = vdupq_n_s8((int8_t)k->act_min), high = vdupq_n_s8((int8_t)k->act_max);
    const int16_t a_zero = (int16_t)(-16 * a->zero_point), b_zero = (int16_t)(-16 * b->zero_point);
    const int16_t zero_point = (int16_t)k->output_zero_point;
    const int32_t b_multiplier = b->multiplier, b_shift = b->shift;
    const int32_t multiplier = k->output_multiplier, shift = k->output_shift;
    const int8_t *p = a->x, *q = b->x;
    for (uint32_t n = count / AT_ONCE; n > 0; n--, p += AT_ONCE, q += AT_ONCE, out += AT_ONCE) {
        const sixteenths y = take(q, b_zero), x = take(p, a_zero);
        int32x4_t v[4] = {vshllbq_n_s16(y.even, LEFT_SHIFT - 4), vshlltq_n_s16(y.even, LEFT_SHIFT - 4),
                          vshllbq_n_s16(y.odd, LEFT_SHIFT - 4), vshlltq_n_s16(y.odd, LEFT_SHIFT - 4)};
        for (uint32_t i = 0; i < 4; i++) {
            v[i] = rescale_down(v[i], b_multiplier, b_shift);
        }
        v[0] = vaddq_s32(v[0], vshllbq_n_s16(x.even, LEFT_SHIFT - 5));
        v[1] = vaddq_s32(v[1], vshlltq_n_s16(x.even, LEFT_SHIFT - 5));
        v[2] = vaddq_s32(v[2], vshllbq_n_s16(x.odd, LEFT_SHIFT - 5));
        v[3] = vaddq_s32(v[3], vshlltq_n_s16(x.odd, LEFT_SHIFT - 5));
        for (uint32_t i = 0; i < 4; i++) {
            v[i] = rectified ? vrshlq_n_s32(vqrdmulhq_n_s32(v[i], multiplier), shift)
                             : rescale_down(v[i], multiplier, shift);
        }
        int16x8_t even = vqaddq_n_s16(join(v[0], v[1], SCALE_DOWN), zero_point);
        int16x8_t odd = vqaddq_n_s16(join(v[2], v[3], SCALE_DOWN), zero_point);
        int8x16_t z = vqmovntq_s16(vqmovnbq_s16(vuninitializedq_s8(), even), odd);
        vstrbq_s8(out, vminq_s8(vmaxq_s8(z, low), high));
    }
    return count / AT_ONCE * AT_ONCE;
}

/* Functions of their own, so that what the loops need finds registers. */
__attribute__((noinline)) static uint32_t add_rectified(const groat_add_s8 *k, const operand *a, const operand *b,
                                                        int8_t *out, uint32_t count)
{
    return add_sixteens(k, a, b, out, count, 1);
}

__attribute__((noinline)) static uint32_t add_signed(const groat_add_s8 *k, const operand *a, const operand *b,
                                                     int8_t *out, uint32_t count)
{
    return add_sixteens(k, a, b, out, count, 0);
}

/* `a` is halved, the others are scaled down, and both arrays move on. */
static void add_half(const groat_add_s8 *k, const operand *a, const operand *b, int8_t *out, uint32_t count)
{
    const int32x4_t low = vdupq_n_s32(k->act_min), high = vdupq_n_s32(k->act_max);
    const int32_t left_shift = k->left_shift, unit = (int32_t)(1u << (left_shift - 1));
    const int32_t a_zero = (int32_t)(0u - (uint32_t)a->zero_point * (uint32_t)unit), b_zero = -b->zero_point;
    const int32_t b_multiplier = b->multiplier, b_shift = b->shift;
    const int32_t multiplier = k->output_multiplier, shift = k->output_shift, zero_point = k->output_zero_point;
    const int8_t *p = a->x, *q = b->x;
    for (int32_t left = (int32_t)count; left > 0; left -= 4, p += 4, q += 4, out += 4) {
        mve_pred16_t lanes = vctp32q((uint32_t)left);
        int32x4_t y = vshlq_r_s32(vaddq_n_s32(vldrbq_z_s32(q, lanes), b_zero), left_shift);
        y = vaddq_n_s32(rescale_down(y, b_multiplier, b_shift), a_zero);
        y = rescale_down(vmlaq_n_s32(y, vldrbq_z_s32(p, lanes), unit), multiplier, shift);
        vstrbq_p_s32(out, vminq_s32(vmaxq_s32(vaddq_n_s32(y, zero_point), low), high), lanes);
    }
}

static void add_any(const groat_add_s8 *k, const operand *a, const operand *b, int8_t *out, uint32_t count)
{
    const int32x4_t low = vdupq_n_s32(k->act_min), high = vdupq_n_s32(k->act_max);
    const operand first = *a, second = *b; /* copies, which writing to `out` cannot change */
    const int32_t left_shift = k->left_shift, multiplier = k->output_multiplier, shift = k->output_shift;
    const int32_t zero_point = k->output_zero_point;
    const int8_t *p = first.x, *q = second.x;
    for (int32_t left = (int32_t)count; left > 0; left -= 4, p += 4 * first.step, q += 4 * second.step, out += 4) {
        mve_pred16_t lanes = vctp32q((uint32_t)left);
        int32x4_t x = vshlq_r_s32(vaddq_n_s32(vldrbq_z_s32(p, lanes), -first.zero_point), left_shift);
        int32x4_t y = vshlq_r_s32(vaddq_n_s32(vldrbq_z_s32(q, lanes), -second.zero_point), left_shift);
        x = rescale(x, first.multiplier, first.shift);
        x = rescale(vaddq_s32(x, rescale(y, second.multiplier, second.shift)), multiplier, shift);
        vstrbq_p_s32(out, vminq_s32(vmaxq_s32(vaddq_n_s32(x, zero_point), low), high), lanes);
    }
}

static inline int is_half(const operand *a)
{
    return a->multiplier == ONE_HALF && a->shift == 0;
}

void groat_add_s8_mve(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                      int8_t *out, uint32_t count)
{
    /* What does not move on is read four times over instead. */
    int8_t spread[2][4];
    if (count == 0) {
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        spread[0][i] = *a;
        spread[1][i] = *b;
    }
    operand first = {a_step ? a : spread[0], a_step, k->a_zero_point, k->a_multiplier, k->a_shift};
    operand second = {b_step ? b : spread[1], b_step, k->b_zero_point, k->b_multiplier, k->b_shift};
    if (!is_half(&first)) {
        operand swap = first;
        first = second;
        second = swap;
    }
    int down = second.shift < 0 && k->output_shift < 0 && k->left_shift > 0;
    if (is_half(&first) && down && a_step != 0 && b_step != 0) {
        if (k->left_shift == LEFT_SHIFT) {
            uint32_t done = k->act_min >= k->output_zero_point ? add_rectified(k, &first, &second, out, count)
                                                               : add_signed(k, &first, &second, out, count);
            first.x += done;
            second.x += done;
            out += done;
            count -= done;
        }
        add_half(k, &first, &second, out, count);
    } else {
        add_any(k, &first, &second, out, count);
    }
}
