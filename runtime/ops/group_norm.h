/* SPDX-License-Identifier: Apache-2.0
 *
 * What group normalisation and its gradients share: images of pixels, whose channels are normalised in groups.
 */
#ifndef GROAT_OPS_GROUP_NORM_H
#define GROAT_OPS_GROUP_NORM_H

#include "../core/op.h"

/* No size is 0, and groups divides channels; the argument has the elements of the images. */
static inline int groat_check_groups(const groat_call *call, const groat_groups *s, uint32_t index, uint8_t dtype)
{
    GROAT_REQUIRE(s->batches > 0 && s->pixels > 0 && s->groups > 0 && s->channels > 0 && s->channels % s->groups == 0);
    uint64_t pixel = (uint64_t)s->pixels * s->channels;
    GROAT_REQUIRE(pixel <= UINT32_MAX);
    return groat_check_tensor(call, index, dtype, pixel <= UINT32_MAX / s->batches ? pixel * s->batches : 0);
}

/* The argument is a float32 for each group of each image. */
static inline int groat_check_statistic(const groat_call *call, const groat_groups *s, uint32_t index)
{
    return groat_check_tensor(call, index, GROAT_FLOAT32, (uint64_t)s->batches * s->groups);
}

#endif
