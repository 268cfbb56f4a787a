/* SPDX-License-Identifier: Apache-2.0
 *
 * What forward ops share whose int8 weights are a tensor: (x, weights[, biases]) -> y.
 */
#ifndef GROAT_OPS_TRAINED_H
#define GROAT_OPS_TRAINED_H

#include "../core/op.h"
#include "../kernels/kernels.h"

/* There are so many weights and biases, and factors of channels that kernels can compute with. */
static inline int groat_check_trained(const groat_call *call, uint64_t weights, uint32_t channels, uint32_t offset)
{
    const groat_conv_s8 k = {.channels_out = channels};
    GROAT_REQUIRE(call->step->inputs == 2 || call->step->inputs == 3);
    GROAT_REQUIRE(call->step->outputs == 1 && channels > 0);
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, weights));
    if (call->step->inputs == 3) {
        GROAT_TRY(groat_check_tensor(call, 2, GROAT_INT32, channels));
    }
    GROAT_TRY(groat_check_const(call, offset, (uint64_t)channels * sizeof(groat_channel)));
    groat_conv_s8 factors = k;
    factors.channels = groat_const(call, offset);
    GROAT_REQUIRE(groat_conv_s8_check_ref(&factors));
    return GROAT_OK;
}

/* Some channels with their biases: those of a tensor if there is one, in place of the file's. */
static inline void groat_trained_channels(const groat_call *call, uint32_t offset, uint32_t first,
                                          groat_channel *channels, uint32_t count)
{
    const groat_channel *factors = (const groat_channel *)groat_const(call, offset) + first;
    const int32_t *biases = call->step->inputs == 3 ? (const int32_t *)groat_in(call, 2) + first : NULL;
    for (uint32_t o = 0; o < count; o++) {
        channels[o] = factors[o];
        channels[o].bias = biases != NULL ? biases[o] : factors[o].bias;
    }
}

static inline int32_t groat_sum_of_weights(const int8_t *w, uint32_t count)
{
    int32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += w[i];
    }
    return total;
}

#endif
