/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins tensors along one axis: a run of each input in turn, as often as there is something before the axis.
 */
#include "rows.h"

static uint32_t bytes_of(const groat_tensor *tensor)
{
    return groat_elements(tensor) * groat_dtype_bytes(tensor->dtype);
}

static int check(const groat_call *call)
{
    const groat_concatenation_params *p = groat_params(call);
    uint32_t inputs = call->step->inputs;
    GROAT_TRY(groat_check_counts(call, inputs, 1));
    GROAT_REQUIRE(inputs > 0 && p->outer > 0);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < inputs; i++) {
        const groat_tensor *in = groat_arg_tensor(call, i);
        if (in->dtype != groat_arg_tensor(call, inputs)->dtype) {
            return GROAT_E_DTYPE;
        }
        GROAT_REQUIRE(groat_elements(in) % p->outer == 0);
        bytes += bytes_of(in);
    }
    return bytes == bytes_of(groat_arg_tensor(call, inputs)) ? GROAT_OK : GROAT_E_SHAPE;
}

static void run(const groat_call *call)
{
    const groat_concatenation_params *p = groat_params(call);
    uint32_t inputs = call->step->inputs;
    uint32_t out_run = bytes_of(groat_arg_tensor(call, inputs)) / p->outer;
    uint8_t *out = groat_out(call, 0);
    for (uint32_t i = 0; i < inputs; i++) {
        uint32_t in_run = bytes_of(groat_arg_tensor(call, i)) / p->outer;
        const uint8_t *in = groat_in(call, i);
        for (uint32_t r = 0; r < p->outer; r++) {
            memcpy(out + r * out_run, in + r * in_run, in_run);
        }
        out += in_run;
    }
}

const groat_op groat_op_concatenation = {check, NULL, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* Images side by side, channel behind channel. */
static int check_rows(const groat_call *call)
{
    const groat_concatenation_params *p = groat_params(call);
    const uint32_t *out = groat_arg_tensor(call, call->step->inputs)->dims;
    for (uint32_t i = 0; i < call->step->inputs; i++) {
        const uint32_t *in = groat_arg_tensor(call, i)->dims;
        if (in[1] != out[1] || in[2] != out[2]) {
            return 0;
        }
    }
    return p->outer == out[1] * out[2];
}

static void part(const groat_call *call, const groat_part *part)
{
    uint32_t inputs = call->step->inputs;
    uint32_t out_run = groat_pixel_bytes(groat_arg_tensor(call, inputs));
    uint8_t *out = part->out;
    for (uint32_t i = 0; i < inputs; i++) {
        uint32_t in_run = groat_pixel_bytes(groat_arg_tensor(call, i));
        const uint8_t *in = groat_part_of(call, i, part);
        for (uint32_t p = 0; p < part->pixels; p++) {
            memcpy(out + p * out_run, in + p * in_run, in_run);
        }
        out += in_run;
    }
}

const groat_row_op groat_row_op_concatenation = {check_rows, groat_rows_alike, NULL, part};
