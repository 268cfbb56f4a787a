/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops of losses and optimizers share.
 */
#ifndef GROAT_OPS_LOSS_H
#define GROAT_OPS_LOSS_H

#include "../core/op.h"
#include "../kernels/float.h"
#include "../kernels/select.h"

/* The tensor of a loss scale that adapts: float32 [2]. */
enum {
    GROAT_SCALE = 0,
    GROAT_SCALE_GOOD = 1, /* steps since it changed */
    GROAT_SCALE_VALUES = 2
};

static inline int groat_is_finite(float x)
{
    return x - x == 0.0f;
}

/* (x, target[, loss scale]) -> loss, gradient. */
static inline int groat_check_loss(const groat_call *call)
{
    uint32_t inputs = call->step->inputs;
    GROAT_REQUIRE((inputs == 2 || inputs == 3) && call->step->outputs == 2);
    if (inputs == 3) {
        GROAT_TRY(groat_check_tensor(call, 2, GROAT_FLOAT32, GROAT_SCALE_VALUES));
    }
    return groat_check_tensor(call, inputs, GROAT_FLOAT32, 1);
}

/* What the third input says; 1 without one. */
static inline float groat_loss_scale(const groat_call *call)
{
    return call->step->inputs == 3 ? ((const float *)groat_in(call, 2))[GROAT_SCALE] : 1.0f;
}

#endif
