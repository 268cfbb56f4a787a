/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the biases of a convolution: the sum of dy over its pixels.
 */
#include "../grad.h"

static void bias_gradient(const ELEMENT *dy, uint32_t pixels, uint32_t stride, uint32_t channels, float alpha,
                          float beta, float *db)
{
    for (uint32_t o = 0; o < channels; o++) {
        float sum = 0.0f;
        for (uint32_t p = 0; p < pixels; p++) {
            sum += WIDE(dy[p * stride + o]);
        }
        db[o] = groat_blend(alpha, sum, beta, db[o]);
    }
}
