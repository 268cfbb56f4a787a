/* SPDX-License-Identifier: Apache-2.0
 *
 * A change of scale between int8 and int16, in any direction, with a clamp: QUANTIZE between integers, RELU, RELU6.
 */
#include "../core/op.h"
#include "../kernels/requantize.h"

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

static void run(const groat_call *call)
{
    const groat_rescale_params *p = groat_params(call);
    const void *in = groat_in(call, 0);
    void *out = groat_out(call, 0);
    int wide_in = groat_arg_tensor(call, 0)->dtype == GROAT_INT16;
    int wide_out = groat_arg_tensor(call, 1)->dtype == GROAT_INT16;
    for (uint32_t i = 0; i < p->elements; i++) {
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

const groat_op groat_op_rescale = {check, NULL, run};
