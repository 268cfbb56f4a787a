/* SPDX-License-Identifier: Apache-2.0
 *
 * A matrix times a vector: two rows at a time share the widened inputs.
 */
#include "dsp.h"

static inline int32_t add_four(int32_t sum, int32_t w, int16x2_t even, int16x2_t odd)
{
    return __smlad(__sxtb16(w), even, __smlad(dsp_odd_bytes(w), odd, sum));
}

void groat_matvec_s8_dsp(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums, uint32_t count)
{
    for (; count > 1; count -= 2, w += 2 * depth, sums += 2) {
        const int8_t *a = w, *b = w + depth, *v = x;
        int32_t first = sums[0], second = sums[1];
        for (uint32_t fours = depth / 4; fours > 0; fours--, a += 4, b += 4, v += 4) {
            const int32_t four = dsp_load(v);
            const int16x2_t even = __sxtb16(four), odd = dsp_odd_bytes(four);
            first = add_four(first, dsp_load(a), even, odd);
            second = add_four(second, dsp_load(b), even, odd);
        }
        for (uint32_t rest = depth % 4; rest > 0; rest--, a++, b++, v++) {
            first = groat_add_wrap(first, *a * *v);
            second = groat_add_wrap(second, *b * *v);
        }
        sums[0] = first;
        sums[1] = second;
    }
    groat_matvec_s8_ref(w, x, depth, sums, count);
}
