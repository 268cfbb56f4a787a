/* SPDX-License-Identifier: Apache-2.0
 *
 * The difference of two int16 tensors.
 */
#include "../core/op.h"

#define PARAMS groat_add_int16_params /* all that groat_sub_int16_params has */
#define ELEMENT int16_t
#define DTYPE GROAT_INT16
#define SHIFT_MAX 15
#define A_ZERO_POINT(p) 0
#define B_ZERO_POINT(p) 0
#define OUTPUT_ZERO_POINT(p) 0

#include "sub_tmpl.h"

const groat_op groat_op_sub_int16 = {check, NULL, run};
const groat_row_op groat_row_op_sub_int16 = {groat_check_equal_rows, groat_rows_alike, NULL, part};
