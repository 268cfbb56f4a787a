/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of each float.  Included for each type, which defines DTYPE, ELEMENT, WIDE and NARROW.
 */
#include "../core/op.h"
#include "../kernels/exp.h"
#include "../kernels/sqrt.h"
#include "loss.h"

#define PARAMS groat_unary_float32_params /* the fields are the same for every type */

static int valid(const PARAMS *p)
{
    return p->function < GROAT_UNARY_COUNT && groat_is_finite(p->alpha) && groat_is_finite(p->beta);
}

/* alpha x + beta between 0 and 1. */
static float hard_sigmoid(const PARAMS *p, float x)
{
    return groat_clamp_float(p->alpha * x + p->beta, 0.0f, 1.0f);
}

static float softplus(float x)
{
    float a = x < 0.0f ? -x : x;
    return groat_log1p(groat_exp(-a)) + (x < 0.0f ? 0.0f : x);
}

static float map(const PARAMS *p, float x)
{
    switch (p->function) {
    case GROAT_UNARY_ABS:
        return x < 0.0f ? -x : x;
    case GROAT_UNARY_NEG:
        return -x;
    case GROAT_UNARY_RECIPROCAL:
        return 1.0f / x;
    case GROAT_UNARY_SQRT:
        return groat_sqrt(x);
    case GROAT_UNARY_EXP:
        return groat_exp(x);
    case GROAT_UNARY_LOG:
        return groat_log(x);
    case GROAT_UNARY_ERF:
        return groat_erf(x);
    case GROAT_UNARY_LEAKY_RELU:
        return x < 0.0f ? p->alpha * x : x;
    case GROAT_UNARY_ELU:
        return x < 0.0f ? p->alpha * (groat_exp(x) - 1.0f) : x;
    case GROAT_UNARY_HARD_SIGMOID:
        return hard_sigmoid(p, x);
    case GROAT_UNARY_HARD_SWISH:
        return x * hard_sigmoid(p, x);
    case GROAT_UNARY_GELU:
        return 0.5f * x * (1.0f + groat_erf(x * 0.707106781f));
    case GROAT_UNARY_GELU_TANH:
        return 0.5f * x * (1.0f + groat_tanh(0.797884561f * (x + 0.044715f * x * x * x)));
    case GROAT_UNARY_SWISH:
        return x * groat_logistic(p->alpha * x);
    case GROAT_UNARY_SOFTPLUS:
        return softplus(x);
    default: /* GROAT_UNARY_MISH */
        return x * groat_tanh(softplus(x));
    }
}

#include "map_float_tmpl.h"
