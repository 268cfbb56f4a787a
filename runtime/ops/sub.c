/* SPDX-License-Identifier: Apache-2.0
 *
 * The difference of two int8 tensors.
 */
#include "../core/op.h"

#define PARAMS groat_add_params /* all that groat_sub_params has */
#define ELEMENT int8_t
#define DTYPE GROAT_INT8
#define SHIFT_MAX 20
#define A_ZERO_POINT(p) ((p)->a_zero_point)
#define B_ZERO_POINT(p) ((p)->b_zero_point)
#define OUTPUT_ZERO_POINT(p) ((p)->output_zero_point)

#include "sub_tmpl.h"

const groat_op groat_op_sub = {check, NULL, run};
const groat_row_op groat_row_op_sub = {groat_check_equal_rows, groat_rows_alike, NULL, part};
