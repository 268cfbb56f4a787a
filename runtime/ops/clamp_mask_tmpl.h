/* SPDX-License-Identifier: Apache-2.0
 *
 * One bit for each element: whether a clamp's output is between its limits, so that its gradient passes.  Included for
 * each type, behind as_*.h and the type op_params.
 */
#include "../core/op.h"
#include "../kernels/kernels.h"

static int check(const groat_call *call)
{
    const op_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_UINT8, ((uint64_t)p->elements + 7) / 8));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const op_params *p = groat_params(call);
    const ELEMENT *y = groat_in(call, 0);
    uint8_t *mask = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i += 8) {
        uint32_t count = p->elements - i < 8 ? p->elements - i : 8;
        uint32_t bits = 0;
        for (uint32_t k = 0; k < count; k++) {
            float wide = WIDE(y[i + k]);
            bits |= (uint32_t)(p->act_min < wide && wide < p->act_max) << k;
        }
        *mask++ = (uint8_t)bits;
    }
}
