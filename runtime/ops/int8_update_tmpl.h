/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of the gradients of int8 weights and int32 biases: (dy[, x]) -> [dw][, db] as floats, or a step of
 * gradient descent on the parameters themselves, (dy[, x]) -> [weights][, biases], random, step.
 * Included for each type of dy, behind as_*.h.
 *
 * A parameter is scale * q.  Its step, in units of the scale, is rounded at random to one of the two whole numbers beside
 * it, the nearer one more often, so that the mean of many steps is right however small they are.
 */
#include "int8_grad.h"
#include "update_tmpl.h"

enum {
    MOST_WEIGHT = 127
};

static int check_int8_update(const groat_call *call, const groat_update *u, uint64_t weights, uint64_t biases)
{
    const uint32_t inputs = 1u + u->has_weights;
    if (u->mode == GROAT_UPDATE_GRADIENT) {
        return check_update_of(call, u, inputs, DTYPE, weights, biases);
    }
    const uint32_t parameters = (uint32_t)u->has_weights + u->has_bias;
    GROAT_REQUIRE(u->mode == GROAT_UPDATE_SGD && u->has_weights <= 1 && u->has_bias <= 1 && parameters > 0);
    GROAT_TRY(groat_check_counts(call, inputs, parameters + 2u));
    if (u->has_weights) {
        GROAT_TRY(groat_check_tensor(call, inputs, GROAT_INT8, weights));
    }
    if (u->has_bias) {
        GROAT_TRY(groat_check_tensor(call, inputs + u->has_weights, GROAT_INT32, biases));
    }
    GROAT_TRY(groat_check_tensor(call, inputs + parameters, GROAT_INT32, 1));
    return groat_check_tensor(call, inputs + parameters + 1u, GROAT_FLOAT32, GROAT_STEP_VALUES);
}

/* A step as it is taken: what gradients are multiplied by in their sums, then by minus the rate. */
typedef struct int8_step {
    update_factors factors;
    float rate;
    float decay;      /* times the rate */
    uint32_t *random; /* where the generator's state is kept; */
    uint32_t state;   /* it, meanwhile */
    int takes;        /* 1: parameters; 0: gradients are what is wanted */
} int8_step;

/* 0 if the step is refused. */
static int begin_int8_step(const groat_call *call, const groat_update *u, int8_step *s)
{
    if (!begin_update_of(call, u, 1, &s->factors)) {
        return 0;
    }
    s->takes = u->mode == GROAT_UPDATE_SGD;
    if (s->takes) {
        const float *step = groat_out(call, call->step->outputs - 1u);
        s->factors = (update_factors){.alpha = step[GROAT_STEP_UNSCALE], .beta = 0.0f};
        s->rate = step[GROAT_STEP_RATE];
        s->decay = s->rate * u->decay;
        s->random = groat_out(call, call->step->outputs - 2u);
        s->state = *s->random;
    }
    return 1;
}

static void end_int8_step(const int8_step *s)
{
    if (s->takes) {
        *s->random = s->state;
    }
}

/* 24 bits of a linear congruential generator (Knuth and Lewis). */
static inline int32_t next_random(int8_step *s)
{
    s->state = s->state * 1664525u + 1013904223u;
    return (int32_t)(s->state >> 8);
}

/* A number of at most 127, rounded at random. */
static inline int32_t round_at_random(float x, int8_step *s)
{
    return ((int32_t)(x * 0x1p24f) + next_random(s)) >> 24;
}

/* What is not a number is 0. */
static inline float bounded(float x, float most)
{
    return x > most ? most : x >= -most ? x : x < -most ? -most : 0.0f;
}

static inline void step_weight(int8_t *w, ELEMENT gradient, float per_scale, int8_step *s)
{
    const float x = -s->rate * WIDE(gradient) * per_scale - s->decay * (float)*w;
    const int32_t moved = *w + round_at_random(bounded(x, MOST_WEIGHT), s);
    *w = (int8_t)(moved > MOST_WEIGHT ? MOST_WEIGHT : moved < -MOST_WEIGHT ? -MOST_WEIGHT : moved);
}

static inline void step_bias(int32_t *b, float gradient, float per_scale, int8_step *s)
{
    const float x = bounded(-s->rate * gradient * per_scale - s->decay * (float)*b, 0x1p30f);
    const int32_t whole = (int32_t)x;
    const int64_t moved = (int64_t)*b + whole + round_at_random(x - (float)whole, s);
    *b = (int32_t)(moved > INT32_MAX ? INT32_MAX : moved < INT32_MIN ? INT32_MIN : moved);
}
