/* SPDX-License-Identifier: Apache-2.0
 *
 * What every kernel of float16 that sums products does: eight lanes of two sums each, over any number of terms.  A term is
 * a vector, which is multiplied with two scalars:
 *
 *     sums[0][lane] += vector[lane] * pair[0]
 *     sums[1][lane] += vector[lane] * pair[1]
 *
 * Up to CHUNK terms are summed in float16, by fused multiply-adds; such a sum is then added to one of float32
 * (docs/NUMERICS.md).  That takes a quarter of the instructions that float32 alone would, in sums of 128 bits.
 *
 * Scalars are in the lower halves of words, since instructions want them in registers of their own: eight words are loaded
 * at once.
 */
#ifndef GROAT_MVE_SUMS_F16_H
#define GROAT_MVE_SUMS_F16_H

#include "halves.h"

/* Two sums of each lane: of the first, the even lanes and then the odd ones, and so of the second. */
typedef struct pair_sums {
    float32x4_t of[4];
} pair_sums;

/* All take
 *
 *     (sums, v, pairs, terms, step, lanes)
 *
 * and add to `sums` that many terms: their vectors are found from `v` on as `step` says, and their scalars lie in `pairs`,
 * one pair after the other. */
typedef pair_sums sum_terms(pair_sums sums, const uint16_t *v, const uint32_t *pairs, uint32_t terms, uintptr_t step,
                            uint32_t lanes);

/* Vectors touch: `step` is 16, and `lanes` eight. */
sum_terms groat_sum_packed_f16_mve;

/* `step` is the address of where lanes are found, eight numbers of elements from `v`; the next vector is an element on. */
sum_terms groat_sum_gathered_f16_mve;

/* What sums vectors that are `step` bytes apart, of eight lanes, or of the first `lanes`. */
sum_terms *groat_sum_of_steps_f16_mve(uint32_t step, uint32_t lanes);

static inline pair_sums no_sums(void)
{
    const float32x4_t zero = vdupq_n_f32(0.0f);
    return (pair_sums){{zero, zero, zero, zero}};
}

/* `count` elements of two arrays as pairs; up to three pairs more may be written. */
static inline uint32_t *pair_up(uint32_t *pairs, const uint16_t *a, const uint16_t *b, uint32_t count)
{
    uint32_t *to = pairs;
    for (uint32_t i = count / 4; i > 0; i--, a += 4, b += 4, to += 8) {
        vst2q_u32(to, (uint32x4x2_t){{vldrhq_u32(a), vldrhq_u32(b)}});
    }
    if (count % 4 > 0) {
        const mve_pred16_t rest = vctp32q(count % 4);
        vst2q_u32(to, (uint32x4x2_t){{vldrhq_z_u32(a, rest), vldrhq_z_u32(b, rest)}});
    }
    return pairs + 2 * count;
}

#endif
