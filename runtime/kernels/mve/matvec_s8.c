/* SPDX-License-Identifier: Apache-2.0
 *
 * A matrix times a vector: four rows at a time share the inputs, sixteen of them in a vector.
 */
#include <arm_mve.h>

#include "../kernels.h"

#define LANES 16u

static void rows_of_four(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums)
{
    const int8_t *second = w + depth, *third = second + depth, *fourth = third + depth;
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    uint32_t i = 0;
    for (; i + LANES <= depth; i += LANES) {
        const int8x16_t v = vldrbq_s8(x + i);
        a = vmladavaq_s8(a, vldrbq_s8(w + i), v);
        b = vmladavaq_s8(b, vldrbq_s8(second + i), v);
        c = vmladavaq_s8(c, vldrbq_s8(third + i), v);
        d = vmladavaq_s8(d, vldrbq_s8(fourth + i), v);
    }
    if (i < depth) {
        const mve_pred16_t tail = vctp8q(depth - i);
        const int8x16_t v = vldrbq_z_s8(x + i, tail);
        a = vmladavaq_s8(a, vldrbq_z_s8(w + i, tail), v);
        b = vmladavaq_s8(b, vldrbq_z_s8(second + i, tail), v);
        c = vmladavaq_s8(c, vldrbq_z_s8(third + i, tail), v);
        d = vmladavaq_s8(d, vldrbq_z_s8(fourth + i, tail), v);
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

void groat_matvec_s8_mve(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums, uint32_t count)
{
    for (; count >= 4; count -= 4, w += 4 * depth, sums += 4) {
        rows_of_four(w, x, depth, sums);
    }
    groat_matvec_s8_ref(w, x, depth, sums, count);
}
