/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax and cross-entropy against labels: the loss, a mean over rows, and its gradient by the logits.  Included for
 * each type, by way of as_*.h.
 */
#include "../kernels/exp.h"
#include "loss.h"

typedef groat_softmax_cross_entropy_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    uint64_t elements = (uint64_t)p->rows * p->classes;
    GROAT_TRY(groat_check_loss(call));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, p->rows));
    return groat_check_tensor(call, (uint32_t)call->step->inputs + 1, DTYPE, elements);
}

typedef struct sums {
    float most;
    float others; /* of exp(x - most), over all but the label */
    float label;
} sums;

/* Sums over all but the label, so that a loss near 0 and its gradient keep their last places. */
static sums sums_of(const ELEMENT *x, uint32_t classes, uint32_t label)
{
    sums s = {.most = WIDE(x[0])};
    for (uint32_t i = 1; i < classes; i++) {
        float wide = WIDE(x[i]);
        s.most = s.most < wide ? wide : s.most;
    }
    for (uint32_t i = 0; i < classes; i++) {
        float e = groat_exp(WIDE(x[i]) - s.most);
        if (i == label) {
            s.label = e;
        } else {
            s.others += e;
        }
    }
    return s;
}

static float loss_of(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *x = groat_in(call, 0);
    const int32_t *labels = groat_in(call, 1);
    float loss = 0.0f;
    for (uint32_t r = 0; r < p->rows; r++, x += p->classes) {
        uint32_t label = (uint32_t)labels[r];
        if (label >= p->classes) {
            return __builtin_nanf("");
        }
        sums s = sums_of(x, p->classes, label);
        float below = s.most - WIDE(x[label]); /* what is not a number fails the comparison, and stays so */
        loss += below == 0.0f ? groat_log1p(s.others) : groat_log1p(s.others + s.label - 1.0f) + below;
    }
    return loss / (float)p->rows;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *x = groat_in(call, 0);
    const int32_t *labels = groat_in(call, 1);
    float *loss = groat_out(call, 0);
    ELEMENT *dx = groat_out(call, 1);
    *loss = loss_of(call);
    if (!groat_is_finite(*loss)) {
        memset(dx, 0, p->rows * p->classes * sizeof(ELEMENT));
        return;
    }
    const float scale = groat_loss_scale(call) / (float)p->rows;
    for (uint32_t r = 0; r < p->rows; r++, x += p->classes, dx += p->classes) {
        uint32_t label = (uint32_t)labels[r];
        sums s = sums_of(x, p->classes, label);
        float total = s.others + s.label;
        for (uint32_t i = 0; i < p->classes; i++) {
            float share = i == label ? -s.others : groat_exp(WIDE(x[i]) - s.most);
            dx[i] = NARROW(share / total * scale);
        }
    }
}
