/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one int16, between 513 values of it.
 */
#include "../kernels/interpolate.h"
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_lut_int16_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_INT16, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT16, p->elements));
    return groat_check_const(call, p->table, GROAT_TABLE_S16 * sizeof(int16_t));
}

static void look_up(const groat_call *call, const int16_t *in, int16_t *out, uint32_t count)
{
    const groat_lut_int16_params *p = groat_params(call);
    const int16_t *table = groat_const(call, p->table);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (int16_t)groat_interpolate_s16(table, in[i]);
    }
}

static void run(const groat_call *call)
{
    const groat_lut_int16_params *p = groat_params(call);
    look_up(call, groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_lut_int16 = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    look_up(call, groat_part_of(call, 0, part), part->out, groat_part_elements(call, part));
}

const groat_row_op groat_row_op_lut_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
