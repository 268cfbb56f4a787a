/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int8: round(x / scale) + zero_point, ties away from zero.
 */
#include "../kernels/select.h"
#include "rows.h"

#define INFINITY_BITS 0x7f800000u

static uint32_t bits_of(float x)
{
    const union {
        float number;
        uint32_t bits;
    } both = {x};
    return both.bits;
}

static int check(const groat_call *call)
{
    const groat_quantize_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT8, p->elements));
    /* Positive and finite. */
    GROAT_REQUIRE(bits_of(p->scale) - 1u < INFINITY_BITS - 1u);
    GROAT_REQUIRE(p->zero_point >= INT8_MIN && p->zero_point <= INT8_MAX);
    return GROAT_OK;
}

static void convert(const groat_quantize_params *p, const void *in, int8_t *out, uint32_t count)
{
    const groat_quantize_s8 k = {bits_of(p->scale), p->zero_point};
    groat_kernels.quantize_f32_s8(&k, in, out, count);
}

static void run(const groat_call *call)
{
    const groat_quantize_params *p = groat_params(call);
    convert(p, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_quantize = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    convert(groat_params(call), groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_quantize = {groat_check_equal_rows, groat_rows_alike, NULL, part};
