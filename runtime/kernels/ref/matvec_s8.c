/* SPDX-License-Identifier: Apache-2.0
 *
 * A matrix times a vector.
 */
#include "../kernels.h"

void groat_matvec_s8_ref(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums, uint32_t count)
{
    for (uint32_t r = 0; r < count; r++, w += depth) {
        uint32_t sum = (uint32_t)sums[r];
        for (uint32_t i = 0; i < depth; i++) {
            sum += (uint32_t)(w[i] * x[i]);
        }
        sums[r] = (int32_t)sum;
    }
}
