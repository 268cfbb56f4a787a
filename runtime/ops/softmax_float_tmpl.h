/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of floats over the last dimension, row by row.  Included for each type, which defines DTYPE, ELEMENT and
 * KERNEL.
 */
#include "../core/op.h"
#include "../kernels/select.h"

typedef groat_softmax_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, (uint64_t)p->rows * p->depth));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, (uint64_t)p->rows * p->depth));
    GROAT_REQUIRE(p->depth > 0);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_softmax_float kernel = {.beta = p->beta};
    const ELEMENT *in = groat_in(call, 0);
    ELEMENT *out = groat_out(call, 0);
    for (uint32_t r = 0; r < p->rows; r++, in += p->depth, out += p->depth) {
        KERNEL(&kernel, in, out, p->depth);
    }
}
