/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two arrays without SIMD.  Of two operands that are brought to a common scale, the one of the larger scale
 * is multiplied by a power of two (by 1/2 of 2^left_shift, as TensorFlow Lite chooses it): a shift will do.  The other
 * and the sum take one high product each, rounded once; what has other constants goes the reference's way.
 */
#include "scalar.h"

/* multiplier * 2^shift in a form that rounds once: the product keeps one bit below the first rounding. */
typedef struct scaling {
    int32_t multiplier;
    int32_t offset;
    int32_t shift;
    int32_t below_zero;     /* the second rounding is away from zero; without one, nothing is added */
} scaling;

static scaling scaling_of(int32_t multiplier, int32_t shift, int32_t zero_point)
{
    int32_t right = -shift;
    int32_t half = right > 0 ? 1 << right : 0;
    scaling s = {multiplier, 1 + half + zero_point * (1 << (right + 1)), right + 1, right > 0 ? -2 : 0};
    return s;
}

/* x is four times what is scaled. */
static inline int32_t rescale(const scaling s, int32_t x)
{
    int32_t y = groat_scalar_high(x, s.multiplier);
    if (x < 0) {
        y += s.below_zero;
    }
    return (y + s.offset) >> s.shift;
}

static inline int is_int8(int32_t x)
{
    return x >= INT8_MIN && x <= INT8_MAX;
}

/* The operand is (x - zero_point) << (left_shift - 1 + shift), exactly. */
static int is_shift(int32_t multiplier, int32_t shift, int32_t left_shift)
{
    return multiplier == 1 << 30 && left_shift - 1 + shift >= 0;
}

/* With these, no sum below leaves 32 bits. */
static int is_simple(const groat_add_s8 *k)
{
    return k->a_multiplier >= 0 && k->b_multiplier >= 0 && k->output_multiplier >= 0 && k->a_shift > -22 &&
           k->b_shift > -22 && k->output_shift > -22 && k->left_shift <= 20 && is_int8(k->a_zero_point) &&
           is_int8(k->b_zero_point) && is_int8(k->output_zero_point);
}

#define UNROLL 4u

/* The constants are the function's variables, so that they stay in registers. */
#define ADD(i)                                                                                             \
    do {                                                                                                   \
        int32_t term = rescale(of_y, (int32_t)((uint32_t)(y[i] - y_zero_point) << y_shift));               \
        int32_t sum = (int32_t)(((uint32_t)x[i] << x_shift) + (uint32_t)x_offset + ((uint32_t)term << 2)); \
        out[i] = groat_scalar_clamp(rescale(of_sum, sum), low, high);                                      \
    } while (0)

void groat_add_s8_scalar(const groat_add_s8 *k, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                         int8_t *out, uint32_t count)
{
    int a_shifts = is_shift(k->a_multiplier, k->a_shift, k->left_shift);
    int b_shifts = is_shift(k->b_multiplier, k->b_shift, k->left_shift);
    if (!is_simple(k) || !(a_shifts || b_shifts) || a_step != 1 || b_step != 1) {
        groat_add_s8_ref(k, a, a_step, b, b_step, out, count);
        return;
    }
    const int8_t *x = a_shifts ? a : b, *y = a_shifts ? b : a;
    const int32_t x_shift = k->left_shift + 1 + (a_shifts ? k->a_shift : k->b_shift);
    const int32_t x_offset = -(a_shifts ? k->a_zero_point : k->b_zero_point) * (1 << x_shift);
    const int32_t y_zero_point = a_shifts ? k->b_zero_point : k->a_zero_point;
    const scaling of_y =
        a_shifts ? scaling_of(k->b_multiplier, k->b_shift, 0) : scaling_of(k->a_multiplier, k->a_shift, 0);
    const scaling of_sum = scaling_of(k->output_multiplier, k->output_shift, k->output_zero_point);
    const int32_t y_shift = k->left_shift + 2, low = k->act_min, high = k->act_max;
    for (; count >= UNROLL; count -= UNROLL, x += UNROLL, y += UNROLL, out += UNROLL) {
#pragma GCC unroll 4
        for (uint32_t i = 0; i < UNROLL; i++) {
            ADD(i);
        }
    }
    for (; count > 0; count--, x++, y++, out++) {
        ADD(0);
    }
}
