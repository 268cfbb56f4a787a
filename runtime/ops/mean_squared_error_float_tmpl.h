/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean of squared differences, and its gradient.  Included for each type, by way of as_*.h.
 */
#include "loss.h"

typedef groat_mean_squared_error_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_loss(call));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, p->elements));
    return groat_check_tensor(call, (uint32_t)call->step->inputs + 1, DTYPE, p->elements);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *y = groat_in(call, 0);
    const ELEMENT *target = groat_in(call, 1);
    float *loss = groat_out(call, 0);
    ELEMENT *dy = groat_out(call, 1);
    float sum = 0.0f;
    for (uint32_t i = 0; i < p->elements; i++) {
        float apart = WIDE(y[i]) - WIDE(target[i]);
        sum += apart * apart;
    }
    *loss = sum / (float)p->elements;
    if (!groat_is_finite(*loss)) {
        memset(dy, 0, p->elements * sizeof(ELEMENT));
        return;
    }
    const float scale = 2.0f * groat_loss_scale(call) / (float)p->elements;
    for (uint32_t i = 0; i < p->elements; i++) {
        dy[i] = NARROW((WIDE(y[i]) - WIDE(target[i])) * scale);
    }
}
