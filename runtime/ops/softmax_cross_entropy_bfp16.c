/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax and cross-entropy of block floating point against labels: the loss, a mean over rows, as the bits of a float32,
 * and its gradient by the logits.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_softmax_cross_entropy_bfp16_params *p = groat_params(call);
    const uint64_t elements = (uint64_t)p->rows * p->classes;
    GROAT_TRY(groat_check_counts(call, 3, 3));
    GROAT_TRY(groat_check_bits(p->bits));
    GROAT_REQUIRE(p->rows > 0 && p->rows <= INT16_MAX && p->classes > 0 && p->classes <= INT16_MAX);
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_INT32, p->rows));
    GROAT_TRY(groat_check_tensor(call, 3, GROAT_FLOAT32, 1));
    GROAT_TRY(groat_check_tensor(call, 4, GROAT_INT16, elements));
    return groat_check_tensor(call, 5, GROAT_INT32, 1);
}

enum {
    LN_2 = 45426, /* Q16 */
    LOSS_MOST = 1 << 30
};

/* log2(x), Q16, of an x from 2^16 on that is Q16, too: digit by digit, by squares. */
static uint32_t log2_of(uint32_t x)
{
    const uint32_t length = groat_bit_length(x);
    uint32_t y = (length - 17u) << 16;
    x = x << (32u - length) >> 16; /* from 1 to 2, Q15 */
    for (uint32_t digit = 1u << 15; digit > 0; digit >>= 1) {
        x *= x;
        if (x >> 31 != 0) {
            y |= digit;
            x >>= 16;
        } else {
            x >>= 15;
        }
    }
    return y;
}

/* That of a row, Q16. */
static uint32_t loss_of(const groat_bfp_row *row, uint32_t label)
{
    const uint32_t x = log2_of(row->sum) + groat_bfp_below(row, label);
    return (x >> 16) * (uint32_t)LN_2 + (((x & 0xFFFFu) * (uint32_t)LN_2) >> 16);
}

/* The gradient of logit i, Q15, over `rows` rows. */
static int32_t gradient_of(const groat_bfp_row *row, uint32_t i, uint32_t label, uint32_t rows)
{
    const int32_t x = (int32_t)groat_bfp_share(row, i) - (i == label ? 1 << 15 : 0);
    return rows == 1 ? x : groat_with_sign((groat_magnitude(x) + rows / 2u) / rows, x);
}

static int labels_fit(const groat_call *call)
{
    const groat_softmax_cross_entropy_bfp16_params *p = groat_params(call);
    const int32_t *labels = groat_in(call, 2);
    for (uint32_t r = 0; r < p->rows; r++) {
        if ((uint32_t)labels[r] >= p->classes) {
            return 0;
        }
    }
    return 1;
}

/* Returns the loss, Q16; the largest gradient goes to *most.  Two walks: the gradient's exponent is known after the
 * first, in which dx is null. */
static uint32_t walk(const groat_call *call, int32_t exponent, uint32_t *most, uint32_t shift, int16_t *dx)
{
    const groat_softmax_cross_entropy_bfp16_params *p = groat_params(call);
    const int16_t *x = groat_in(call, 0);
    const int32_t *labels = groat_in(call, 2);
    uint32_t loss = 0;
    for (uint32_t r = 0; r < p->rows; r++, x += p->classes) {
        const groat_bfp_row row = groat_bfp_row_of(x, p->classes, exponent);
        const uint32_t label = (uint32_t)labels[r];
        const uint32_t more = loss_of(&row, label);
        loss = more < LOSS_MOST - loss ? loss + more : LOSS_MOST;
        for (uint32_t i = 0; i < p->classes; i++) {
            const int32_t gradient = gradient_of(&row, i, label, p->rows);
            *most |= groat_magnitude(gradient);
            if (dx != NULL) {
                *dx++ = groat_mantissa(gradient, shift, p->bits);
            }
        }
    }
    return loss;
}

static void run(const groat_call *call)
{
    const groat_softmax_cross_entropy_bfp16_params *p = groat_params(call);
    const int32_t exponent = groat_exponent_in(call, 1);
    uint32_t *loss = groat_out(call, 0);
    int16_t *dx = groat_out(call, 1);
    int32_t *dxe = groat_out(call, 2);
    if (exponent == GROAT_BFP_NOT_FINITE || !labels_fit(call)) {
        *loss = GROAT_FLOAT_NAN;
        memset(dx, 0, p->rows * p->classes * sizeof *dx);
        *dxe = 0;
        return;
    }
    uint32_t most = 0;
    *loss = groat_float_bits((walk(call, exponent, &most, 0, NULL) + p->rows / 2u) / p->rows, -16);
    const uint32_t length = groat_bit_length(most);
    const uint32_t shift = length > p->bits ? length - p->bits : 0;
    *dxe = most == 0 ? 0 : (int32_t)shift - 15;
    walk(call, exponent, &most, shift, dx);
}

const groat_op groat_op_softmax_cross_entropy_bfp16 = {check, NULL, run};
