/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the weights and biases of a convolution of block floating point, and the step down: filter by filter, so
 * that there is never more than the gradient of one.  What is less than a unit of a weight is kept on average, by
 * stochastic rounding (docs/NUMERICS.md).
 */
#include "bfp.h"

/* Where the tensors of a call are. */
typedef struct places {
    uint32_t dy; /* x and its exponent are before it, if any */
    uint32_t inputs;
    uint32_t bias; /* of outputs */
    uint32_t noise;
} places;

static places places_of(const groat_conv_2d_weight_grad_bfp16_params *p)
{
    const uint32_t dy = p->has_weights ? 2 : 0;
    return (places){
        .dy = dy, .inputs = dy + 3u, .bias = 2u * p->has_weights, .noise = 2u * (p->has_weights + p->has_bias)};
}

static int check(const groat_call *call)
{
    const groat_conv_2d_weight_grad_bfp16_params *p = groat_params(call);
    GROAT_REQUIRE(p->has_weights <= 1 && p->has_bias <= 1 && p->has_weights + p->has_bias > 0);
    GROAT_TRY(groat_check_bits(p->bits));
    const places at = places_of(p);
    GROAT_TRY(groat_check_counts(call, at.inputs, at.noise + 1u));
    GROAT_TRY(groat_check_axes(&p->window));
    GROAT_TRY(groat_check_tensor(call, at.dy, GROAT_INT16, groat_bfp_outputs(&p->window, p->out_c)));
    GROAT_TRY(groat_check_tensor(call, at.dy + 1, GROAT_INT32, 1));
    GROAT_TRY(groat_check_tensor(call, at.dy + 2, GROAT_FLOAT32, GROAT_STEP_VALUES));
    if (p->has_weights) {
        GROAT_TRY(groat_check_bfp_window(call, &p->window, p->out_c, 0, at.dy));
        GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
        const uint64_t weights = (uint64_t)groat_bfp_filter(&p->window) * p->out_c;
        GROAT_TRY(groat_check_tensor(call, at.inputs, GROAT_INT16, weights));
        GROAT_TRY(groat_check_tensor(call, at.inputs + 1, GROAT_INT32, 1));
    }
    if (p->has_bias) {
        GROAT_TRY(groat_check_tensor(call, at.inputs + at.bias, GROAT_INT16, p->out_c));
        GROAT_TRY(groat_check_tensor(call, at.inputs + at.bias + 1, GROAT_INT32, 1));
    }
    return groat_check_tensor(call, at.inputs + at.noise, GROAT_INT32, 1);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_conv_2d_weight_grad_bfp16_params *p = params;
    return p->has_weights ? groat_bfp_scratch_bytes(groat_bfp_filter(&p->window)) : 0;
}

/* ---- The step down ----------------------------------------------------------------------------------- */

enum {
    GRADIENT_BITS = 15,
    RATE_BITS = 16,
    WEIGHT_MOST = INT16_MAX,
    BIAS_BITS = GROAT_BFP_BITS_MAX
};

/* A learning rate = factor * 2^exponent, of 16 bits. */
typedef struct rate {
    int32_t factor;
    int32_t exponent;
} rate;

/* A rate that is positive and finite; a subnormal one is 0. */
static rate rate_of(uint32_t bits)
{
    const uint32_t fraction = (bits & 0x7FFFFFu) | 0x800000u;
    const uint32_t field = bits >> 23;
    return (rate){.factor = field == 0 ? 0 : (int32_t)(fraction >> (24 - RATE_BITS)),
                  .exponent = (int32_t)field - 126 - RATE_BITS};
}

/* A product in units of weights, by a shift to the right of 1 to 31; what is lost is there on average. */
static int32_t rounded(int32_t product, uint32_t shift, uint32_t random)
{
    const uint32_t rest = ((uint32_t)product & ((UINT32_C(1) << shift) - 1u)) + (random >> (32u - shift));
    return (product >> shift) + (int32_t)(rest >> shift);
}

/* weights -= rate * gradient * 2^exponent, an exponent in units of the weights. */
static void descend(int16_t *weights, const int32_t *gradient, uint32_t count, int32_t exponent, rate r,
                    uint32_t *noise)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < count; i++) {
        any |= groat_magnitude(gradient[i]);
    }
    if (any == 0 || r.factor == 0) {
        return;
    }
    const uint32_t length = groat_bit_length(any);
    const uint32_t narrow = length > GRADIENT_BITS ? length - GRADIENT_BITS : 0;
    const int32_t shift = -(exponent + r.exponent + (int32_t)narrow);
    const uint32_t before = shift > 31 ? (shift < 62 ? (uint32_t)shift - 31u : 31) : 0;
    const uint32_t after = shift > 31 ? 31 : (uint32_t)shift; /* where it is positive */
    for (uint32_t i = 0; i < count; i++) {
        *noise = *noise * 1664525u + 1013904223u; /* Knuth; Lewis: of the high bits only */
        const int32_t product = (int32_t)(gradient[i] >> narrow) * r.factor;
        int32_t step = shift > 0 ? rounded(product >> before, after, *noise) : product;
        if (shift <= 0 || step > 2 * WEIGHT_MOST || step < -2 * WEIGHT_MOST) {
            step = step > 0 ? 2 * WEIGHT_MOST : step < 0 ? -2 * WEIGHT_MOST : 0;
        }
        const int32_t next = weights[i] - step;
        weights[i] = (int16_t)(next > WEIGHT_MOST ? WEIGHT_MOST : next < -WEIGHT_MOST ? -WEIGHT_MOST : next);
    }
}

/* ---- The gradient ------------------------------------------------------------------------------------ */

static void add(const groat_bfp_taps *taps, int32_t *sums, const int16_t *x, int32_t factor)
{
    x += taps->x;
    sums += taps->w;
    for (uint32_t row = 0; row < taps->rows; row++, x += taps->x_row, sums += taps->w_row) {
        for (uint32_t run = 0; run < taps->runs; run++) {
            groat_axpy_bfp16(sums + run * taps->length, x + run * taps->x_run, factor, taps->length);
        }
    }
}

/* That of a filter; x and sums are null if it is not wanted.  Returns that of the bias. */
static int32_t gradient_of(const groat_window *w, uint32_t out_c, const int16_t *x, const int16_t *dy, int32_t *sums)
{
    uint32_t bias = 0;
    for (uint32_t n = 0; n < w->batches; n++) {
        for (uint32_t oy = 0; oy < w->out_h; oy++) {
            for (uint32_t ox = 0; ox < w->out_w; ox++, dy += out_c) {
                bias += (uint32_t)*dy;
                if (*dy != 0 && x != NULL) {
                    const groat_bfp_taps taps = groat_bfp_taps_at(w, oy, ox);
                    add(&taps, sums, x, *dy);
                }
            }
        }
        x = x != NULL ? x + (uint32_t)w->in_h * w->in_w * w->in_c : NULL;
    }
    return (int32_t)bias;
}

/* A parameter that is trained; null if it is not. */
typedef struct parameter {
    int16_t *mantissas;
    int32_t *exponent;
} parameter;

static parameter parameter_of(const groat_call *call, int trained, uint32_t output)
{
    return trained ? (parameter){groat_out(call, output), groat_out(call, output + 1u)} : (parameter){NULL, NULL};
}

static int is_finite(parameter p)
{
    return p.exponent == NULL || groat_exponent_in_range(*p.exponent) != GROAT_BFP_NOT_FINITE;
}

/* Gives the largest mantissa as many bits as it may have. */
static void normalize(parameter p, uint32_t count, uint32_t bits)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < count; i++) {
        any |= groat_magnitude(p.mantissas[i]);
    }
    const int32_t surplus = (int32_t)groat_bit_length(any) - (int32_t)bits;
    if (any == 0 || surplus == 0) {
        return;
    }
    *p.exponent += surplus;
    for (uint32_t i = 0; i < count; i++) {
        p.mantissas[i] = surplus > 0 ? groat_mantissa(p.mantissas[i], (uint32_t)surplus, bits)
                                     : (int16_t)(p.mantissas[i] * (1 << -surplus));
    }
}

static void run(const groat_call *call)
{
    const groat_conv_2d_weight_grad_bfp16_params *p = groat_params(call);
    const places at = places_of(p);
    const uint32_t bits = groat_bits_of(((const float *)groat_in(call, at.dy + 2))[GROAT_STEP_RATE]);
    const int32_t of_dy = groat_exponent_in(call, at.dy + 1);
    const int32_t of_x = p->has_weights ? groat_exponent_in(call, 1) : 0;
    const parameter weights = parameter_of(call, p->has_weights, 0);
    const parameter bias = parameter_of(call, p->has_bias, at.bias);
    const int finite = of_dy != GROAT_BFP_NOT_FINITE && of_x != GROAT_BFP_NOT_FINITE;
    if (bits == 0 || bits >= GROAT_FLOAT_INFINITE || !finite || !is_finite(weights) || !is_finite(bias)) {
        return;
    }
    const rate r = rate_of(bits);
    const uint32_t filter = groat_bfp_filter(&p->window);
    const int16_t *x = p->has_weights ? groat_in(call, 0) : NULL;
    const int16_t *dy = groat_in(call, at.dy);
    int32_t *sums = p->has_weights ? groat_scratch(call) : NULL;
    uint32_t *noise = groat_out(call, at.noise);
    for (uint32_t o = 0; o < p->out_c; o++) {
        if (sums != NULL) {
            memset(sums, 0, filter * sizeof *sums);
        }
        const int32_t of_bias = gradient_of(&p->window, p->out_c, x, dy + o, sums);
        if (sums != NULL) {
            descend(weights.mantissas + o * filter, sums, filter, of_x + of_dy - *weights.exponent, r, noise);
        }
        if (p->has_bias) {
            descend(bias.mantissas + o, &of_bias, 1, of_dy - *bias.exponent, r, noise);
        }
    }
    if (p->has_weights) {
        normalize(weights, filter * p->out_c, p->bits);
    }
    if (p->has_bias) {
        normalize(bias, p->out_c, BIAS_BITS);
    }
}

const groat_op groat_op_conv_2d_weight_grad_bfp16 = {check, scratch_bytes, run};
