/* SPDX-License-Identifier: Apache-2.0
 *
 * The factor on the loss that keeps gradients of float16 within its range: halved where one was infinite, doubled
 * after many steps without.
 */
#include "loss.h"

static int check(const groat_call *call)
{
    const groat_loss_scale_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, GROAT_STEP_VALUES));
    GROAT_REQUIRE(p->interval > 0 && p->interval <= 1u << 24 && groat_is_finite(p->maximum) && p->maximum >= 1.0f);
    return groat_check_tensor(call, 1, GROAT_FLOAT32, GROAT_SCALE_VALUES);
}

static void run(const groat_call *call)
{
    const groat_loss_scale_params *p = groat_params(call);
    const float *step = groat_in(call, 0);
    float *scale = groat_out(call, 0);
    if (step[GROAT_STEP_REFUSED] != 0.0f) {
        return; /* another scale would not have helped */
    }
    if (step[GROAT_STEP_RATE] == 0.0f) {
        scale[GROAT_SCALE] = scale[GROAT_SCALE] > 2.0f ? 0.5f * scale[GROAT_SCALE] : 1.0f;
        scale[GROAT_SCALE_GOOD] = 0.0f;
        return;
    }
    scale[GROAT_SCALE_GOOD] += 1.0f;
    if (scale[GROAT_SCALE_GOOD] >= (float)p->interval) {
        float doubled = 2.0f * scale[GROAT_SCALE];
        scale[GROAT_SCALE] = doubled < p->maximum ? doubled : p->maximum;
        scale[GROAT_SCALE_GOOD] = 0.0f;
    }
}

const groat_op groat_op_loss_scale = {check, NULL, run};
