/* SPDX-License-Identifier: Apache-2.0
 *
 * Any elementwise function of 8-bit values: activations and changes of scale, tabulated on the host.
 */
#include "../kernels/select.h"
#include "rows.h"

static int check_bytes(const groat_call *call, uint32_t index, uint32_t elements)
{
    uint8_t dtype = groat_arg_tensor(call, index)->dtype;
    if (dtype != GROAT_INT8 && dtype != GROAT_UINT8) {
        return GROAT_E_DTYPE;
    }
    return groat_check_tensor(call, index, dtype, elements);
}

static int check(const groat_call *call)
{
    const groat_lut_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(check_bytes(call, 0, p->elements));
    GROAT_TRY(check_bytes(call, 1, p->elements));
    return groat_check_const(call, p->table, 256);
}

static void run(const groat_call *call)
{
    const groat_lut_params *p = groat_params(call);
    groat_kernels.lut_8(groat_const(call, p->table), groat_in(call, 0), groat_out(call, 0), p->elements);
}

const groat_op groat_op_lut = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    const groat_lut_params *p = groat_params(call);
    uint32_t count = groat_part_elements(call, part);
    groat_kernels.lut_8(groat_const(call, p->table), groat_part_of(call, 0, part), part->out, count);
}

const groat_row_op groat_row_op_lut = {groat_check_equal_rows, groat_rows_alike, NULL, part};
