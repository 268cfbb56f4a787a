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
    const uint32_t rate = groat_bits_of(*(const float *)groat_in(call, 0));
    const float loss = *(const float *)groat_in(call, 1);
    float *step = groat_out(call, 0);
    const int positive = rate > 0 && rate < GROAT_FLOAT_INFINITE; /* by its bits: cores without an FPU come here, too */
    const int good = positive && (groat_bits_of(loss) & INT32_MAX) < GROAT_FLOAT_INFINITE;
    step[GROAT_STEP_RATE] = groat_float_of(good ? rate : 0);
    step[GROAT_STEP_UNSCALE] = call->step->inputs == 3 ? 1.0f / groat_loss_scale(call) : 1.0f;
    step[GROAT_STEP_REFUSED] = good ? 0.0f : 1.0f;
    step[3] = 0.0f;
}

const groat_op groat_op_step = {check, NULL, run};
