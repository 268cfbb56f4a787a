/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum over some axes, in the order of memory: the gradient of an operand that was repeated along them.  Included for
 * each type, by way of as_*.h.
 */
#include "axes.h"

static int check(const groat_call *call)
{
    GROAT_TRY(groat_check_counts(call, 1, 1));
    return groat_check_reduction(call, groat_params(call), 0, 1, DTYPE);
}

static void run(const groat_call *call)
{
    const groat_mean_float32_params *p = groat_params(call);
    const ELEMENT *x = groat_in(call, 0);
    ELEMENT *y = groat_out(call, 0);
    const uint32_t kept = groat_product(p->kept_dims, 4);
    const uint32_t reduced = groat_product(p->reduced_dims, 4);
    uint32_t index[4] = {0}, at = 0;
    for (uint32_t i = 0; i < kept; i++) {
        float sum = 0.0f;
        uint32_t inner[4] = {0}, place = at;
        for (uint32_t k = 0; k < reduced; k++) {
            sum += WIDE(x[place]);
            groat_next(inner, p->reduced_dims, p->reduced_strides, &place);
        }
        y[i] = NARROW(sum);
        groat_next(index, p->kept_dims, p->kept_strides, &at);
    }
}
