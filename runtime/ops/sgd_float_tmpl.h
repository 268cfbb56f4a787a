/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of gradient descent, with weight decay and momentum.  Included for each type, by way of as_*.h.
 */
#include "loss.h"

typedef groat_sgd_float32_params float_params; /* the fields are the same for every type */

/* (gradient) -> parameters, step[, gradient][, velocity]. */
static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_REQUIRE(p->gradient <= GROAT_GRADIENT_VELOCITY && p->has_velocity <= 1);
    GROAT_REQUIRE(p->gradient != GROAT_GRADIENT_VELOCITY || (!p->has_velocity && p->momentum == 0.0f));
    const uint32_t outputs = 2u + (p->gradient != GROAT_GRADIENT_READ) + p->has_velocity;
    GROAT_TRY(groat_check_counts(call, 1, outputs));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_FLOAT32, GROAT_STEP_VALUES));
    for (uint32_t i = 2; i < outputs; i++) {
        GROAT_TRY(groat_check_tensor(call, 1 + i, DTYPE, p->elements));
    }
    if (p->gradient != GROAT_GRADIENT_READ) {
        GROAT_REQUIRE(groat_arg(call->net, call->step->args) == groat_arg(call->net, call->step->args + 3u));
    }
    GROAT_REQUIRE(groat_is_finite(p->decay) && groat_is_finite(p->momentum));
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    ELEMENT *w = groat_out(call, 0);
    float *step = groat_out(call, 1);
    ELEMENT *g = p->gradient != GROAT_GRADIENT_READ ? groat_out(call, 2) : NULL;
    uint32_t finite;
    KERNEL(finite)(groat_in(call, 0), p->elements, &finite);
    if (!finite) {
        step[GROAT_STEP_RATE] = 0.0f;
        if (g != NULL) { /* or it would stay so */
            memset(g, 0, p->elements * sizeof(ELEMENT));
        }
    }
    if (step[GROAT_STEP_RATE] != 0.0f) {
        const groat_sgd_float kernel = {
            .rate = step[GROAT_STEP_RATE],
            .decay = p->decay,
            .momentum = p->momentum,
        };
        ELEMENT *velocity = p->gradient == GROAT_GRADIENT_VELOCITY ? g
                            : p->has_velocity                      ? groat_out(call, call->step->outputs - 1u)
                                                                   : NULL;
        KERNEL(sgd)(&kernel, groat_in(call, 0), velocity, w, p->elements);
    }
    if (p->gradient == GROAT_GRADIENT_CLEAR) {
        memset(g, 0, p->elements * sizeof(ELEMENT));
    }
}
