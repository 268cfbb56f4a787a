/* SPDX-License-Identifier: Apache-2.0
 *
 * Measures a step of a stream, whose rows are made in between those of others.  The image is linked with --wrap for each
 * row op, so that a stream finds the ops below instead, which look at the counter around the rows of one step.  The
 * runtime itself is the same, and knows nothing of it.
 */
#include "layers.h"

#include "../../runtime/core/op.h"
#include "../app/measure.h"
#include "../port/port.h"

#define GROAT_USE(NAME, name)
#define GROAT_USE_ROWS(NAME, name) extern const groat_row_op __real_groat_row_op_##name;
#include GROAT_OPS_FILE
#undef GROAT_USE_ROWS

static const groat_row_op *const real[] = {
#define GROAT_USE_ROWS(NAME, name) [GROAT_OP_##NAME] = &__real_groat_row_op_##name,
#include GROAT_OPS_FILE
#undef GROAT_USE_ROWS
};

static const groat_step *measured;
static uint64_t idle, ticks;

/* These two have names that the host knows: a plugin of QEMU's counts from the entry of the first to the return into
 * the second. */
__attribute__((noinline)) void groat_layer_row(const groat_call *call, const groat_part *part)
{
    real[call->step->op]->part(call, part);
}

__attribute__((noinline)) uint64_t groat_layer_ticks(void (*row)(const groat_call *, const groat_part *),
                                                     const groat_call *call, const groat_part *part)
{
    uint64_t before = groat_counter_read();
    row(call, part);
    return groat_counter_since(before);
}

static void no_row(const groat_call *call, const groat_part *part)
{
    (void)call;
    (void)part;
}

static int check(const groat_call *call)
{
    return real[call->step->op]->check(call);
}

static void rows(const groat_call *call, groat_rows *found)
{
    real[call->step->op]->rows(call, found);
}

static void row(const groat_call *call, const groat_part *part)
{
    if (call->step == measured) {
        ticks += groat_layer_ticks(groat_layer_row, call, part) - idle;
    } else {
        real[call->step->op]->part(call, part);
    }
}

#define GROAT_USE_ROWS(NAME, name)                                                \
    static uint32_t scratch_of_##name(const void *params, const groat_unit *unit) \
    {                                                                             \
        const groat_row_op *op = &__real_groat_row_op_##name;                     \
        return op->scratch_bytes != NULL ? op->scratch_bytes(params, unit) : 0;   \
    }                                                                             \
    extern const groat_row_op __wrap_groat_row_op_##name;                         \
    const groat_row_op __wrap_groat_row_op_##name = {check, rows, scratch_of_##name, row};
#include GROAT_OPS_FILE
#undef GROAT_USE_ROWS

typedef struct run {
    const groat_t *net;
    const groat_stream *stream;
} run;

static void run_stream(void *argument)
{
    const run *r = argument;
    idle = groat_layer_ticks(no_row, NULL, 0); /* so that the plugin sees a call even if the step makes no row */
    groat_run_stream(r->net, r->stream);
}

int groat_measure_layer(const groat_t *net, uint32_t step, groat_cost *cost)
{
    uint32_t index = groat_program_of(net, net->program)->first_step + step;
    run r = {net, groat_stream_with(net, index)};
    if (r.stream == NULL) {
        return 0;
    }
    measured = groat_step_of(net, index);
    ticks = 0;
    *cost = groat_measure(run_stream, &r);
    cost->ticks = ticks;
    return 1;
}
