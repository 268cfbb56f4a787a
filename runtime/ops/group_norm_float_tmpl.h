/* SPDX-License-Identifier: Apache-2.0
 *
 * Group normalisation (Wu and He, 2018): each group of an image's channels gets mean 0 and variance 1, each channel then
 * a factor and an offset of its own.  With one group and one pixel it is layer normalisation.  Included for each type, by
 * way of as_*.h.
 */
#include "../kernels/sqrt.h"
#include "group_norm.h"
#include "loss.h"

typedef groat_group_norm_float32_params float_params; /* the fields are the same for every type */

/* (x, gamma, beta) -> y[, mean, 1 / deviation]. */
static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_REQUIRE(call->step->inputs == 3 && (call->step->outputs == 1 || call->step->outputs == 3));
    GROAT_TRY(groat_check_groups(call, &p->sizes, 0, DTYPE));
    GROAT_TRY(groat_check_groups(call, &p->sizes, 3, DTYPE));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_FLOAT32, p->sizes.channels));
    GROAT_TRY(groat_check_tensor(call, 2, GROAT_FLOAT32, p->sizes.channels));
    if (call->step->outputs == 3) {
        GROAT_TRY(groat_check_statistic(call, &p->sizes, 4));
        GROAT_TRY(groat_check_statistic(call, &p->sizes, 5));
    }
    GROAT_REQUIRE(p->epsilon > 0.0f && groat_is_finite(p->epsilon) && p->act_min <= p->act_max);
    return GROAT_OK;
}

typedef struct statistics {
    float mean;
    float factor; /* 1 / standard deviation */
} statistics;

static statistics statistics_of(const float_params *p, const ELEMENT *x)
{
    const uint32_t channels = p->sizes.channels / p->sizes.groups;
    const float count = (float)(p->sizes.pixels * channels);
    float sum = 0.0f, squares = 0.0f;
    const ELEMENT *pixel = x;
    for (uint32_t i = 0; i < p->sizes.pixels; i++, pixel += p->sizes.channels) {
        for (uint32_t c = 0; c < channels; c++) {
            sum += WIDE(pixel[c]);
        }
    }
    const float mean = sum / count;
    pixel = x;
    for (uint32_t i = 0; i < p->sizes.pixels; i++, pixel += p->sizes.channels) {
        for (uint32_t c = 0; c < channels; c++) {
            float apart = WIDE(pixel[c]) - mean;
            squares += apart * apart;
        }
    }
    return (statistics){.mean = mean, .factor = 1.0f / groat_sqrt(squares / count + p->epsilon)};
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const uint32_t channels = p->sizes.channels / p->sizes.groups;
    const ELEMENT *x = groat_in(call, 0);
    ELEMENT *y = groat_out(call, 0);
    float *mean = call->step->outputs == 3 ? groat_out(call, 1) : NULL;
    float *factor = call->step->outputs == 3 ? groat_out(call, 2) : NULL;
    for (uint32_t b = 0; b < p->sizes.batches; b++) {
        const float *gamma = groat_in(call, 1);
        const float *beta = groat_in(call, 2);
        for (uint32_t g = 0; g < p->sizes.groups; g++, gamma += channels, beta += channels) {
            const statistics s = statistics_of(p, x + g * channels);
            if (mean != NULL) {
                *mean++ = s.mean;
                *factor++ = s.factor;
            }
            uint32_t at = g * channels;
            for (uint32_t i = 0; i < p->sizes.pixels; i++, at += p->sizes.channels) {
                for (uint32_t c = 0; c < channels; c++) {
                    float normal = (WIDE(x[at + c]) - s.mean) * s.factor;
                    y[at + c] = NARROW(groat_clamp_float(normal * gamma[c] + beta[c], p->act_min, p->act_max));
                }
            }
        }
        x += p->sizes.pixels * p->sizes.channels;
        y += p->sizes.pixels * p->sizes.channels;
    }
}
