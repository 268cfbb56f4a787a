/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of softmax over the last dimension, from its output: beta * y * (dy - sum of dy * y).  Included for each
 * type, by way of as_*.h.
 */
#include "../core/op.h"
#include "../kernels/float.h"

typedef groat_softmax_grad_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    for (uint32_t i = 0; i < 3; i++) {
        GROAT_TRY(groat_check_tensor(call, i, DTYPE, (uint64_t)p->rows * p->depth));
    }
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *dy = groat_in(call, 0);
    const ELEMENT *y = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t r = 0; r < p->rows; r++, dy += p->depth, y += p->depth, dx += p->depth) {
        float sum = 0.0f;
        for (uint32_t i = 0; i < p->depth; i++) {
            sum += WIDE(dy[i]) * WIDE(y[i]);
        }
        for (uint32_t i = 0; i < p->depth; i++) {
            dx[i] = NARROW(p->beta * WIDE(y[i]) * (WIDE(dy[i]) - sum));
        }
    }
}
