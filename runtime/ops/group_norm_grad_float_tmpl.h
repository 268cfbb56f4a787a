/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of group normalisation by its input: with h = dy * gamma and n the normalised input,
 * (h - mean of h - n * mean of h * n) / deviation, means over the group.  Included for each type, by way of as_*.h.
 */
#include "../kernels/float.h"
#include "group_norm.h"

typedef groat_group_norm_grad_float32_params float_params; /* the fields are the same for every type */

/* (x, dy, gamma, mean, 1 / deviation) -> dx. */
static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 5, 1));
    GROAT_TRY(groat_check_groups(call, &p->sizes, 0, DTYPE));
    GROAT_TRY(groat_check_groups(call, &p->sizes, 1, DTYPE));
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_FLOAT32, p->sizes.channels));
    GROAT_TRY(groat_check_statistic(call, &p->sizes, 3));
    GROAT_TRY(groat_check_statistic(call, &p->sizes, 4));
    return groat_check_groups(call, &p->sizes, 5, DTYPE);
}

/* One group of one image. */
static void group(const groat_groups *s, const ELEMENT *x, const ELEMENT *dy, const float *gamma, float mean,
                  float factor, ELEMENT *dx)
{
    const uint32_t channels = s->channels / s->groups;
    const uint32_t end = s->pixels * s->channels;
    float sum = 0.0f, product = 0.0f;
    for (uint32_t at = 0; at < end; at += s->channels) {
        for (uint32_t c = 0; c < channels; c++) {
            float h = WIDE(dy[at + c]) * gamma[c];
            sum += h;
            product += h * ((WIDE(x[at + c]) - mean) * factor);
        }
    }
    const float count = (float)(s->pixels * channels);
    sum /= count;
    product /= count;
    for (uint32_t at = 0; at < end; at += s->channels) {
        for (uint32_t c = 0; c < channels; c++) {
            float normal = (WIDE(x[at + c]) - mean) * factor;
            dx[at + c] = NARROW((WIDE(dy[at + c]) * gamma[c] - sum - normal * product) * factor);
        }
    }
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const uint32_t channels = p->sizes.channels / p->sizes.groups;
    const ELEMENT *x = groat_in(call, 0);
    const ELEMENT *dy = groat_in(call, 1);
    const float *gamma = groat_in(call, 2);
    const float *mean = groat_in(call, 3);
    const float *factor = groat_in(call, 4);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t b = 0; b < p->sizes.batches; b++) {
        for (uint32_t g = 0; g < p->sizes.groups; g++) {
            const uint32_t at = b * p->sizes.pixels * p->sizes.channels + g * channels;
            group(&p->sizes, x + at, dy + at, gamma + g * channels, *mean++, *factor++, dx + at);
        }
    }
}
