/* SPDX-License-Identifier: Apache-2.0
 *
 * What a training step's updates may do: nothing, if its loss or learning rate makes no sense.
 */
#include "loss.h"

static int check(const groat_call *call)
{
    uint32_t inputs = call->step->inputs;
    GROAT_REQUIRE((inputs == 2 || inputs == 3) && call->step->outputs == 1);
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, 1));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, 1));
    if (inputs == 3) {
        GROAT_TRY(groat_check_tensor(call, 2, GROAT_FLOAT32, GROAT_SCALE_VALUES));
    }
    return groat_check_tensor(call, inputs, GROAT_FLOAT32, GROAT_STEP_VALUES);
}

static void run(const groat_call *call)
{
    const float rate = *(const float *)groat_in(call, 0);
    const float loss = *(const float *)groat_in(call, 1);
    float *step = groat_out(call, 0);
    int good = groat_is_finite(loss) && groat_is_finite(rate) && rate > 0.0f;
    step[GROAT_STEP_RATE] = good ? rate : 0.0f;
    step[GROAT_STEP_UNSCALE] = 1.0f / groat_loss_scale(call);
    step[GROAT_STEP_REFUSED] = good ? 0.0f : 1.0f;
    step[3] = 0.0f;
}

const groat_op groat_op_step = {check, NULL, run};
