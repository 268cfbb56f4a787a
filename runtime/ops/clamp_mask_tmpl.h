/* SPDX-License-Identifier: Apache-2.0
 *
 * One bit for each element: whether a clamp's output is between its limits, so that its gradient passes.  Included for
 * each type, behind as_*.h and the type op_params.
 */
#include "../kernels/select.h"
#include "parallel.h"

static int check(const groat_call *call)
{
    const op_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_UINT8, ((uint64_t)p->elements + 7) / 8));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

typedef struct mask_context {
    const groat_call *call;
    uint32_t bytes;
    uint32_t parts;
} mask_context;

static void mask_some(const op_params *p, const ELEMENT *y, uint8_t *mask, uint32_t count)
{
#ifdef KERNEL
    const groat_elementwise_float kernel = {.act_min = p->act_min, .act_max = p->act_max};
    KERNEL(clamp_mask)(&kernel, y, mask, count);
#else
    for (uint32_t some; count > 0; count -= some, y += some) {
        some = count < 8 ? count : 8;
        uint32_t bits = 0;
        for (uint32_t i = 0; i < some; i++) {
            float wide = WIDE(y[i]);
            bits |= (uint32_t)(p->act_min < wide && wide < p->act_max) << i;
        }
        *mask++ = (uint8_t)bits;
    }
#endif
}

static void some_elements(const void *context, uint32_t part)
{
    const mask_context *c = context;
    const op_params *p = groat_params(c->call);
    const groat_share share = groat_share_of(c->bytes, part, c->parts);
    const uint32_t end = share.end == c->bytes ? p->elements : 8 * share.end;
    const ELEMENT *y = groat_in(c->call, 0);
    uint8_t *mask = groat_out(c->call, 0);
    mask_some(p, y + 8 * share.first, mask + share.first, end - 8 * share.first);
}

static void run(const groat_call *call)
{
    const op_params *p = groat_params(call);
    const uint32_t bytes = p->elements / 8 + (p->elements % 8 > 0);
    const mask_context c = {call, bytes, groat_parts(call, bytes)};
    groat_parallel_for(&c, c.parts, some_elements);
}
