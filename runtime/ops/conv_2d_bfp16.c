/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of block floating point.  All sums of the output are there before the first mantissa is: only then its
 * exponent is known.
 */
#include "bfp.h"

static int check(const groat_call *call)
{
    const groat_conv_2d_bfp16_params *p = groat_params(call);
    const uint32_t inputs = call->step->inputs;
    GROAT_REQUIRE((inputs == 4 || inputs == 6) && call->step->outputs == 2 && p->relu <= 1);
    GROAT_TRY(groat_check_bits(p->bits));
    GROAT_TRY(groat_check_bfp_window(call, &p->window, p->out_c, 0, inputs));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_INT16, (uint64_t)groat_bfp_filter(&p->window) * p->out_c));
    GROAT_TRY(groat_check_tensor(call, 3, GROAT_INT32, 1));
    if (inputs == 6) {
        GROAT_TRY(groat_check_tensor(call, 4, GROAT_INT16, p->out_c));
        GROAT_TRY(groat_check_tensor(call, 5, GROAT_INT32, 1));
    }
    return groat_check_tensor(call, inputs + 1, GROAT_INT32, 1);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_bfp16_params *p = params;
    return groat_bfp_scratch_bytes(groat_bfp_outputs(&p->window, p->out_c));
}

static uint32_t sum_of(const groat_bfp_taps *taps, const int16_t *x, const int16_t *w)
{
    uint32_t sum = 0;
    x += taps->x;
    w += taps->w;
    for (uint32_t row = 0; row < taps->rows; row++, x += taps->x_row, w += taps->w_row) {
        for (uint32_t run = 0; run < taps->runs; run++) {
            sum += groat_dot_bfp16(x + run * taps->x_run, w + run * taps->length, taps->length);
        }
    }
    return sum;
}

/* A bias in units of 2^sums, clamped so that a sum that has as many bits stays in range. */
static int32_t aligned(int16_t bias, int32_t exponent, int32_t sums)
{
    const int32_t shift = exponent - sums;
    const uint32_t magnitude = groat_magnitude(bias);
    const uint32_t most = 1u << GROAT_BFP_SUM_BITS;
    if (shift <= 0) {
        return shift > -32 ? groat_with_sign(groat_shift_rounded(magnitude, (uint32_t)-shift), bias) : 0;
    }
    const int fits = shift < GROAT_BFP_SUM_BITS && magnitude <= most >> shift;
    return magnitude == 0 ? 0 : groat_with_sign(fits ? magnitude << shift : most, bias);
}

static void all_sums(const groat_call *call, int32_t *sums, int32_t bias_exponent, int32_t exponent)
{
    const groat_conv_2d_bfp16_params *p = groat_params(call);
    const groat_window *w = &p->window;
    const uint32_t filter = groat_bfp_filter(w);
    const int16_t *x = groat_in(call, 0);
    const int16_t *weights = groat_in(call, 2);
    const int16_t *bias = call->step->inputs == 6 ? groat_in(call, 4) : NULL;
    for (uint32_t n = 0; n < w->batches; n++, x += (uint32_t)w->in_h * w->in_w * w->in_c) {
        for (uint32_t oy = 0; oy < w->out_h; oy++) {
            for (uint32_t ox = 0; ox < w->out_w; ox++, sums += p->out_c) {
                const groat_bfp_taps taps = groat_bfp_taps_at(w, oy, ox);
                for (uint32_t o = 0; o < p->out_c; o++) {
                    const uint32_t sum = sum_of(&taps, x, weights + o * filter);
                    const int32_t b = bias != NULL ? aligned(bias[o], bias_exponent, exponent) : 0;
                    sums[o] = (int32_t)(sum + (uint32_t)b);
                    sums[o] = p->relu != 0 && sums[o] < 0 ? 0 : sums[o];
                }
            }
        }
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_bfp16_params *p = groat_params(call);
    const uint32_t count = (uint32_t)groat_bfp_outputs(&p->window, p->out_c);
    const int32_t of_x = groat_exponent_in(call, 1);
    const int32_t of_weights = groat_exponent_in(call, 3);
    const int32_t of_bias = call->step->inputs == 6 ? groat_exponent_in(call, 5) : 0;
    int16_t *y = groat_out(call, 0);
    int32_t *ye = groat_out(call, 1);
    if (of_x == GROAT_BFP_NOT_FINITE || of_weights == GROAT_BFP_NOT_FINITE || of_bias == GROAT_BFP_NOT_FINITE) {
        groat_bfp_not_finite(y, count, ye);
        return;
    }
    int32_t *sums = groat_scratch(call);
    all_sums(call, sums, of_bias, of_x + of_weights);
    groat_bfp_from_sums(sums, count, of_x + of_weights, p->bits, y, ye);
}

const groat_op groat_op_conv_2d_bfp16 = {check, scratch_bytes, run};
