/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a mean over some axes: each element gets its mean's, divided by their number.  Included for each type,
 * by way of as_*.h.
 */
#include "axes.h"

static int check(const groat_call *call)
{
    GROAT_TRY(groat_check_counts(call, 1, 1));
    return groat_check_reduction(call, groat_params(call), 1, 0, DTYPE);
}

static void run(const groat_call *call)
{
    const groat_mean_float32_params *p = groat_params(call);
    const ELEMENT *dy = groat_in(call, 0);
    ELEMENT *dx = groat_out(call, 0);
    const uint32_t kept = groat_product(p->kept_dims, 4);
    const uint32_t reduced = groat_product(p->reduced_dims, 4);
    uint32_t index[4] = {0}, at = 0;
    for (uint32_t i = 0; i < kept; i++) {
        const ELEMENT share = NARROW(WIDE(dy[i]) / (float)reduced);
        uint32_t inner[4] = {0}, place = at;
        for (uint32_t k = 0; k < reduced; k++) {
            dx[place] = share;
            groat_next(inner, p->reduced_dims, p->reduced_strides, &place);
        }
        groat_next(index, p->kept_dims, p->kept_strides, &at);
    }
}
