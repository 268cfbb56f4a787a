/* SPDX-License-Identifier: Apache-2.0
 *
 * A sum or product of two tensors of floats, with broadcasting.  Included for each and for each type, which defines
 * DTYPE, ELEMENT and KERNEL.
 */
#include "../kernels/select.h"
#include "broadcast.h"
#include "parallel.h"

typedef groat_add_float32_params float_params; /* the fields are the same for every operation and type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_TRY(groat_check_broadcast(call, p->dims, p->a_strides, p->b_strides, DTYPE));
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return GROAT_OK;
}

/* Rows of at least so many elements are worth splitting. */
enum {
    LONG_ROW = 512
};

typedef struct row_context {
    groat_elementwise_float kernel;
    const groat_call *call;
    const ELEMENT *a;
    const ELEMENT *b;
    ELEMENT *out;
    uint32_t a_step;
    uint32_t b_step;
    uint32_t count;
    uint32_t parts;
} row_context;

static void some_elements(const void *context, uint32_t part)
{
    const row_context *c = context;
    const groat_share share = groat_share_of(c->count, part, c->parts);
    KERNEL(&c->kernel, c->a + share.first * c->a_step, c->a_step, c->b + share.first * c->b_step, c->b_step,
           c->out + share.first, share.end - share.first);
}

static void row(const void *context, const void *a, uint32_t a_step, const void *b, uint32_t b_step, void *out,
                uint32_t count)
{
    row_context c = *(const row_context *)context;
    c.a = a;
    c.b = b;
    c.out = out;
    c.a_step = a_step;
    c.b_step = b_step;
    c.count = count;
    c.parts = count < LONG_ROW ? 1 : groat_parts(c.call, count);
    groat_parallel_for(&c, c.parts, some_elements);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const row_context c = {.kernel = {.act_min = p->act_min, .act_max = p->act_max}, .call = call};
    groat_broadcast(call, p->dims, p->a_strides, p->b_strides, sizeof(ELEMENT), row, &c);
}
