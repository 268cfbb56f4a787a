/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp: dy where its bit of a mask is set, 0 elsewhere.  Included for each type, by way of as_*.h.
 */
#include "../kernels/select.h"
#include "parallel.h"

typedef groat_clamp_grad_mask_float32_params float_params; /* the fields are the same for every type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 2, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_UINT8, ((uint64_t)p->elements + 7) / 8));
    return groat_check_tensor(call, 2, DTYPE, p->elements);
}

typedef struct mask_context {
    const groat_call *call;
    uint32_t bytes;
    uint32_t parts;
} mask_context;

static void some_elements(const void *context, uint32_t part)
{
    const mask_context *c = context;
    const float_params *p = groat_params(c->call);
    const groat_share share = groat_share_of(c->bytes, part, c->parts);
    const uint32_t end = share.end == c->bytes ? p->elements : 8 * share.end;
    const ELEMENT *dy = groat_in(c->call, 0);
    const uint8_t *mask = groat_in(c->call, 1);
    ELEMENT *dx = groat_out(c->call, 0);
    KERNEL(clamp_grad_mask)(dy + 8 * share.first, mask + share.first, dx + 8 * share.first, end - 8 * share.first);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const uint32_t bytes = p->elements / 8 + (p->elements % 8 > 0);
    const mask_context c = {call, bytes, groat_parts(call, bytes)};
    groat_parallel_for(&c, c.parts, some_elements);
}
