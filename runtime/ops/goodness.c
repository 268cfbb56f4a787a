/* SPDX-License-Identifier: Apache-2.0
 *
 * What forward-forward training (Hinton, 2022) makes of a layer's output: a loss of its own, and what the output is to be
 * multiplied with to be its own gradient, so that the ops of weight gradients take it as it is.  The loss counts once for
 * each channel, so that rates suit layers of any size.
 */
#include "../kernels/exp.h"
#include "loss.h"

static int check(const groat_call *call)
{
    const groat_goodness_params *p = groat_params(call);
    const uint32_t inputs = call->step->inputs;
    GROAT_REQUIRE((inputs == 2 || inputs == 3) && call->step->outputs == 2 && p->negative <= 1 && p->pixels > 0);
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    for (uint32_t i = 1; i < inputs; i++) {
        GROAT_TRY(groat_check_tensor(call, i, GROAT_FLOAT32, 1));
    }
    GROAT_TRY(groat_check_tensor(call, inputs, GROAT_FLOAT32, 1));
    return groat_check_tensor(call, inputs + 1, GROAT_FLOAT32, GROAT_STEP_VALUES);
}

static void run(const groat_call *call)
{
    const groat_goodness_params *p = groat_params(call);
    const float *h = groat_in(call, 0);
    const float rate = *(const float *)groat_in(call, 1);
    float sum = 0.0f;
    for (uint32_t i = 0; i < p->elements; i++) {
        sum += h[i] * h[i];
    }
    const float goodness = sum / (float)p->elements;
    const float wrong = p->negative ? goodness - p->threshold : p->threshold - goodness;
    const float far = groat_log1p(groat_exp(wrong > 0.0f ? -wrong : wrong));
    const float before = call->step->inputs == 3 ? *(const float *)groat_in(call, 2) : 0.0f;
    const float loss = before + (wrong > 0.0f ? wrong + far : far);
    const float slope = 2.0f / (float)p->pixels * groat_logistic(wrong);
    const int good = groat_is_finite(loss) && groat_is_finite(rate) && rate > 0.0f;
    float *step = groat_out(call, 1);
    *(float *)groat_out(call, 0) = loss;
    step[GROAT_STEP_RATE] = good ? rate : 0.0f;
    step[GROAT_STEP_UNSCALE] = good ? (p->negative ? slope : -slope) : 0.0f;
    step[GROAT_STEP_REFUSED] = good ? 0.0f : 1.0f;
    step[3] = 0.0f;
}

const groat_op groat_op_goodness = {check, NULL, run};
