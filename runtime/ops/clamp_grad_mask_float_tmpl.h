/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp: dy where its bit of a mask is set, 0 elsewhere.  Included for each type, by way of as_*.h.
 */
#include "../core/op.h"
#include "../kernels/kernels.h"

typedef groat_clamp_grad_mask_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_UINT8, ((uint64_t)p->elements + 7) / 8));
    return groat_check_tensor(call, 2, DTYPE, p->elements);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const ELEMENT *dy = groat_in(call, 0);
    const uint8_t *mask = groat_in(call, 1);
    ELEMENT *dx = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i += 8) {
        uint32_t count = p->elements - i < 8 ? p->elements - i : 8;
        uint32_t bits = *mask++;
        for (uint32_t k = 0; k < count; k++, bits >>= 1) {
            dx[i + k] = bits & 1u ? dy[i + k] : 0;
        }
    }
}
