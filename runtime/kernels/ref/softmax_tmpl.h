/* SPDX-License-Identifier: Apache-2.0
 *
 * One row of a softmax of floats: the exponentials of the differences to its maximum, over their sum.
 */
#include "../exp.h"

void KERNEL(softmax)(const groat_softmax_float *k, const ELEMENT *in, ELEMENT *out, uint32_t count)
{
    float most = -__builtin_inff();
    for (uint32_t i = 0; i < count; i++) {
        most = most < WIDE(in[i]) ? WIDE(in[i]) : most;
    }
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        float e = groat_exp((WIDE(in[i]) - most) * k->beta);
        sum += e;
        out[i] = NARROW(e);
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = NARROW(WIDE(out[i]) / sum);
    }
}
