/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of Adam (Kingma and Ba, 2015, algorithm 1, with the step size corrected once for all elements).  Included for
 * each type, by way of as_*.h.
 */
#include "../kernels/sqrt.h"
#include "loss.h"

typedef groat_adam_float32_params float_params; /* the fields are the same for every type */

/* Outputs: all are read, too. */
enum {
    PARAMETERS,
    STEP,
    MEAN,
    VARIANCE,
    CORRECTION, /* float32 [2]: 1 - beta^t for t steps: what the averages of a constant 1 would be */
    CLEARED     /* the gradient */
};

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_REQUIRE(p->clear <= 1);
    GROAT_TRY(groat_check_counts(call, 1, 5u + p->clear));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1 + PARAMETERS, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1 + STEP, GROAT_FLOAT32, GROAT_STEP_VALUES));
    GROAT_TRY(groat_check_tensor(call, 1 + MEAN, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1 + VARIANCE, GROAT_FLOAT32, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1 + CORRECTION, GROAT_FLOAT32, 2));
    if (p->clear) {
        GROAT_TRY(groat_check_tensor(call, 1 + CLEARED, DTYPE, p->elements));
        GROAT_REQUIRE(groat_arg(call->net, call->step->args) == groat_arg(call->net, call->step->args + 1u + CLEARED));
    }
    GROAT_REQUIRE(p->beta1 >= 0.0f && p->beta1 < 1.0f && p->beta2 >= 0.0f && p->beta2 < 1.0f);
    GROAT_REQUIRE(groat_is_finite(p->decay) && groat_is_finite(p->epsilon) && p->epsilon > 0.0f);
    return GROAT_OK;
}

static void update(const groat_call *call, float rate)
{
    const float_params *p = groat_params(call);
    const ELEMENT *g = groat_in(call, 0);
    ELEMENT *w = groat_out(call, PARAMETERS);
    ELEMENT *m = groat_out(call, MEAN);
    float *v = groat_out(call, VARIANCE);
    float *correction = groat_out(call, CORRECTION);
    correction[0] = p->beta1 * correction[0] + (1.0f - p->beta1);
    correction[1] = p->beta2 * correction[1] + (1.0f - p->beta2);
    const float size = rate / correction[0];
    const float root = 1.0f / groat_sqrt(correction[1]);
    for (uint32_t i = 0; i < p->elements; i++) {
        float wide = WIDE(w[i]);
        float d = WIDE(g[i]) + p->decay * wide;
        float mean = p->beta1 * WIDE(m[i]) + (1.0f - p->beta1) * d;
        v[i] = p->beta2 * v[i] + (1.0f - p->beta2) * d * d;
        m[i] = NARROW(mean);
        w[i] = NARROW(wide - size * mean / (groat_sqrt(v[i]) * root + p->epsilon));
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    float *step = groat_out(call, STEP);
    uint32_t finite;
    KERNEL(finite)(groat_in(call, 0), p->elements, &finite);
    if (!finite) {
        step[GROAT_STEP_RATE] = 0.0f;
    }
    if (step[GROAT_STEP_RATE] != 0.0f) {
        update(call, step[GROAT_STEP_RATE]);
    }
    if (p->clear) {
        memset(groat_out(call, CLEARED), 0, p->elements * sizeof(ELEMENT));
    }
}
