/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of one int16 with two slopes, which meet at zero.
 */
#include "../kernels/requantize.h"
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_leaky_relu_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30 && p->negative_shift >= -31 && p->negative_shift <= 30);
    return GROAT_OK;
}

static void scale(const groat_call *call, const int16_t *in, int16_t *out, uint32_t count)
{
    const groat_leaky_relu_int16_params *p = groat_params(call);
    for (uint32_t i = 0; i < count; i++) {
        int32_t x = in[i];
        int32_t y = x >= 0 ? groat_requantize(x, p->multiplier, p->shift)
                           : groat_requantize(x, p->negative_multiplier, p->negative_shift);
        out[i] = (int16_t)groat_clamp(y, INT16_MIN, INT16_MAX);
    }
}

static void run(const groat_call *call)
{
    const groat_leaky_relu_int16_params *p = groat_params(call);
    scale(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_leaky_relu_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    scale(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_leaky_relu_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
