/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the factors and offsets of group normalisation: over all pixels, the sums of dy * n and of dy, n being the
 * normalised input.  Included for each type, by way of as_*.h.
 */
#include "group_norm.h"
#include "update_tmpl.h"

typedef groat_group_norm_weight_grad_float32_params float_params; /* the fields are the same for every type */

/* (x, dy, mean, 1 / deviation) -> [dgamma][, dbeta][, step]. */
static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(check_update_of(call, &p->update, 4, GROAT_FLOAT32, p->sizes.channels, p->sizes.channels));
    GROAT_TRY(groat_check_groups(call, &p->sizes, 0, DTYPE));
    GROAT_TRY(groat_check_groups(call, &p->sizes, 1, DTYPE));
    GROAT_TRY(groat_check_statistic(call, &p->sizes, 2));
    return groat_check_statistic(call, &p->sizes, 3);
}

static float blend(float before, float gradient, const update_factors *factors)
{
    const float moved = factors->alpha * gradient;
    return factors->beta == 0.0f ? moved : factors->beta * before + moved;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_groups *s = &p->sizes;
    const uint32_t channels = s->channels / s->groups;
    const ELEMENT *x = groat_in(call, 0);
    const ELEMENT *dy = groat_in(call, 1);
    const float *mean = groat_in(call, 2);
    const float *factor = groat_in(call, 3);
    float *dgamma = weight_gradient(call, &p->update);
    float *dbeta = bias_gradient(call, &p->update);
    update_factors factors;
    if (!begin_update_of(call, &p->update, 2, &factors)) {
        return;
    }
    for (uint32_t c = 0; c < s->channels; c++) {
        float product = 0.0f, sum = 0.0f;
        uint32_t at = c;
        for (uint32_t b = 0; b < s->batches; b++) {
            const uint32_t group = b * s->groups + c / channels;
            for (uint32_t i = 0; i < s->pixels; i++, at += s->channels) {
                float wide = WIDE(dy[at]);
                sum += wide;
                product += wide * ((WIDE(x[at]) - mean[group]) * factor[group]);
            }
        }
        if (dgamma != NULL) {
            dgamma[c] = blend(dgamma[c], product, &factors);
        }
        if (dbeta != NULL) {
            dbeta[c] = blend(dbeta[c], sum, &factors);
        }
    }
}
