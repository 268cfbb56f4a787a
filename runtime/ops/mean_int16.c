/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean over some axes of int16.
 */
#define PARAMS groat_mean_int16_params
#define ELEMENT int16_t
#define DTYPE GROAT_INT16
#define MIN INT16_MIN
#define MAX INT16_MAX
#define ADD_UP groat_add_up_s16
#define OFFSET(p) 0
#define OUTPUT_ZERO_POINT(p) 0
#include "mean_tmpl.h"

const groat_op groat_op_mean_int16 = {check, NULL, run};
const groat_row_op groat_row_op_mean_int16 = {check_rows, rows, part_scratch_bytes, part};
