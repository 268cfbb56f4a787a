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

/* The sum of which x is the first term. */
static float sum(const groat_mean_float32_params *p, uint32_t reduced, const ELEMENT *x)
{
    const uint32_t last = p->reduced_dims[3], stride = p->reduced_strides[3];
    uint32_t index[3] = {0}, at = 0;
    float total = 0.0f;
    for (uint32_t done = 0; done < reduced; done += last) {
        const ELEMENT *run = x + at;
        for (uint32_t i = 0; i < last; i++, run += stride) {
            total += WIDE(*run);
        }
        groat_next(index, p->reduced_dims, p->reduced_strides, &at);
    }
    return total;
}

static void run(const groat_call *call)
{
    const groat_mean_float32_params *p = groat_params(call);
    const ELEMENT *x = groat_in(call, 0);
    ELEMENT *y = groat_out(call, 0);
    const uint32_t kept = groat_product(p->kept_dims, 4);
    const uint32_t reduced = groat_product(p->reduced_dims, 4);
    const uint32_t last = p->kept_dims[3], stride = p->kept_strides[3];
    uint32_t index[3] = {0}, at = 0;
    for (uint32_t done = 0; done < kept; done += last) {
        for (uint32_t i = 0; i < last; i++) {
            *y++ = NARROW(sum(p, reduced, x + at + i * stride));
        }
        groat_next(index, p->kept_dims, p->kept_strides, &at);
    }
}
