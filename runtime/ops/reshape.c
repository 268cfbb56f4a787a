/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies elements to a tensor of another shape.  The compiler removes nearly every reshape; what stays is one
 * that joins an input of the program to an output.
 */
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_reshape_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    GROAT_TRY(groat_check_tensor(call, 0, dtype, p->elements));
    return groat_check_tensor(call, 1, dtype, p->elements);
}

static void run(const groat_call *call)
{
    const groat_reshape_params *p = groat_params(call);
    const void *in = groat_in(call, 0);
    void *out = groat_out(call, 0);
    if (in != out) {
        memcpy(out, in, p->elements * groat_dtype_bytes(groat_arg_tensor(call, 0)->dtype));
    }
}

const groat_op groat_op_reshape = {check, NULL, run};

static void part(const groat_call *call, const groat_part *part)
{
    const void *in = groat_part_of(call, 0, part);
    if (in != part->out) {
        memcpy(part->out, in, part->pixels * groat_pixel_bytes(groat_arg_tensor(call, 1)));
    }
}

const groat_row_op groat_row_op_reshape = {groat_check_equal_rows, groat_rows_alike, NULL, part};
