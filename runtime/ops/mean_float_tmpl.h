/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean over some axes of floats: the sum in the order of memory, divided by how many it is of.  Included for each
 * type, which defines DTYPE, ELEMENT, WIDE and NARROW.
 */
#include "axes.h"

typedef groat_mean_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    GROAT_TRY(groat_check_counts(call, 1, 1));
    return groat_check_reduction(call, groat_params(call), 0, 1, DTYPE);
}

static float sum(const float_params *p, const ELEMENT *x)
{
    const uint32_t *d = p->reduced_dims;
    const uint32_t *s = p->reduced_strides;
    float total = 0.0f;
    for (uint32_t i = 0; i < d[0]; i++) {
        for (uint32_t j = 0; j < d[1]; j++) {
            for (uint32_t k = 0; k < d[2]; k++) {
                const ELEMENT *run = x + i * s[0] + j * s[1] + k * s[2];
                for (uint32_t l = 0; l < d[3]; l++, run += s[3]) {
                    total += WIDE(*run);
                }
            }
        }
    }
    return total;
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *in = groat_in(call, 0);
    ELEMENT *out = groat_out(call, 0);
    const uint32_t *d = p->kept_dims;
    const uint32_t *s = p->kept_strides;
    const float count = (float)groat_product(p->reduced_dims, 4);
    for (uint32_t i = 0; i < d[0]; i++) {
        for (uint32_t j = 0; j < d[1]; j++) {
            for (uint32_t k = 0; k < d[2]; k++) {
                const ELEMENT *row = in + i * s[0] + j * s[1] + k * s[2];
                for (uint32_t l = 0; l < d[3]; l++) {
                    *out++ = NARROW(sum(p, row + l * s[3]) / count);
                }
            }
        }
    }
}
