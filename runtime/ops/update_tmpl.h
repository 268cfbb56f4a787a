/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of the gradients of parameters, whatever they are the parameters of: (x, dy) -> [dw][, db][, step].
 * Included for each type, behind as_*.h.
 */
#include "loss.h"
#include "parallel.h"

/* There are so many inputs, and the outputs that `u` says, of so many elements. */
static int check_update_of(const groat_call *call, const groat_update *u, uint32_t inputs, uint8_t dtype,
                           uint64_t weights, uint64_t biases)
{
    const uint32_t parameters = (uint32_t)u->has_weights + u->has_bias;
    GROAT_REQUIRE(u->mode <= GROAT_UPDATE_ACCUMULATE && u->has_weights <= 1 && u->has_bias <= 1 && parameters > 0);
    const uint32_t steps = u->mode != GROAT_UPDATE_GRADIENT;
    GROAT_TRY(groat_check_counts(call, inputs, parameters + steps));
    if (u->has_weights) {
        GROAT_TRY(groat_check_tensor(call, inputs, dtype, weights));
    }
    if (u->has_bias) {
        GROAT_TRY(groat_check_tensor(call, inputs + u->has_weights, GROAT_FLOAT32, biases));
    }
    return steps ? groat_check_tensor(call, inputs + parameters, GROAT_FLOAT32, GROAT_STEP_VALUES) : GROAT_OK;
}

/* The same of a layer, whose x is an input only where the gradient of the weights is wanted. */
static inline int check_update(const groat_call *call, const groat_update *u, uint8_t dtype, uint64_t weights,
                               uint64_t biases)
{
    return check_update_of(call, u, 1u + u->has_weights, dtype, weights, biases);
}

/* What a gradient is multiplied with, and what it is added to. */
typedef struct update_factors {
    float alpha;
    float beta;
} update_factors;

enum {
    FINITE_PARTS = 8 /* into which looking for what is not finite is split at most */
};

typedef struct finite_context {
    const ELEMENT *elements;
    uint32_t count;
    uint32_t parts;
    uint32_t *finite; /* of each part */
} finite_context;

static void look_at_elements(const void *context, uint32_t part)
{
    const finite_context *c = context;
    const groat_share share = groat_share_of(c->count, part, c->parts);
    KERNEL(finite)(c->elements + share.first, share.end - share.first, &c->finite[part]);
}

static int all_finite(const groat_call *call, uint32_t input)
{
    uint32_t finite[FINITE_PARTS];
    const finite_context c = {
        .elements = groat_in(call, input),
        .count = groat_elements(groat_arg_tensor(call, input)),
        .parts = groat_parts(call, FINITE_PARTS),
        .finite = finite,
    };
    groat_parallel_for(&c, c.parts, look_at_elements);
    uint32_t all = 1;
    for (uint32_t part = 0; part < c.parts; part++) {
        all &= finite[part];
    }
    return all != 0;
}

/* The factors of this step; 0 if it is refused, for good if one of the first inputs is not finite: then nothing may be
 * written. */
static int begin_update_of(const groat_call *call, const groat_update *u, uint32_t inputs, update_factors *factors)
{
    factors->alpha = u->alpha;
    factors->beta = u->beta;
    if (u->mode == GROAT_UPDATE_GRADIENT) {
        return 1;
    }
    float *step = groat_out(call, call->step->outputs - 1u);
    for (uint32_t i = inputs; i > 0 && step[GROAT_STEP_RATE] != 0.0f; i--) {
        if (!all_finite(call, i - 1u)) {
            step[GROAT_STEP_RATE] = 0.0f;
        }
    }
    const float rate = step[GROAT_STEP_RATE];
    const float unscale = step[GROAT_STEP_UNSCALE];
    if (u->mode == GROAT_UPDATE_SGD) {
        factors->alpha = -rate * unscale;
        factors->beta = 1.0f - rate * u->decay;
    } else {
        factors->alpha *= unscale;
    }
    return rate != 0.0f;
}

/* The same of a layer, all of whose inputs are looked at. */
static inline int begin_update(const groat_call *call, const groat_update *u, update_factors *factors)
{
    return begin_update_of(call, u, call->step->inputs, factors);
}

/* Where a gradient goes; null where it is not wanted. */
static void *weight_gradient(const groat_call *call, const groat_update *u)
{
    return u->has_weights ? groat_out(call, 0) : NULL;
}

static float *bias_gradient(const groat_call *call, const groat_update *u)
{
    return u->has_bias ? groat_out(call, u->has_weights) : NULL;
}
