/* SPDX-License-Identifier: Apache-2.0
 *
 * A change of scale between int8 and int16, in any direction, with a clamp: QUANTIZE between integers, RELU, RELU6.
 */
#include "../kernels/requantize.h"
#include "rows.h"

static int check_integers(const groat_call *call, uint32_t index, uint32_t elements)
{
    uint8_t dtype = groat_arg_tensor(call, index)->dtype;
    if (dtype != GROAT_INT8 && dtype != GROAT_INT16) {
        return GROAT_E_DTYPE;
    }
    return groat_check_tensor(call, index, dtype, elements);
}

static int check(const groat_call *call)
{
    const groat_rescale_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(check_integers(call, 0, p->elements));
    GROAT_TRY(check_integers(call, 1, p->elements));
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30 && p->act_min <= p->act_max);
    return GROAT_OK;
}

static void convert(const groat_call *call, const void *in, void *out, uint32_t count)
{
    const groat_rescale_params *p = groat_params(call);
    int wide_in = groat_arg_tensor(call, 0)->dtype == GROAT_INT16;
    int wide_out = groat_arg_tensor(call, 1)->dtype == GROAT_INT16;
    for (uint32_t i = 0; i < count; i++) {
        int32_t x = wide_in ? ((const int16_t *)in)[i] : ((const int8_t *)in)[i];
        int32_t y = groat_requantize(x - p->input_zero_point, p->multiplier, p->shift);
        y = groat_clamp(groat_add_wrap(y, p->output_zero_point), p->act_min, p->act_max);
        if (wide_out) {
            ((int16_t *)out)[i] = (int16_t)y;
        } else {
            ((int8_t *)out)[i] = (int8_t)y;
        }
    }
}

static void run(const groat_call *call)
{
    const groat_rescale_params *p = groat_params(call);
    convert(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_rescale = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_rescale = {groat_check_equal_rows, groat_rows_alike, NULL, part};
