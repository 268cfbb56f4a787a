/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean over some axes of int8.
 */
#define PARAMS groat_mean_params
#define ELEMENT int8_t
#define DTYPE GROAT_INT8
#define MIN INT8_MIN
#define MAX INT8_MAX
#define ADD_UP groat_add_up
#define OFFSET(p) ((p)->offset)
#define OUTPUT_ZERO_POINT(p) ((p)->output_zero_point)
#include "mean_tmpl.h"

const groat_op groat_op_mean = {check, NULL, run};
const groat_row_op groat_row_op_mean = {check_rows, rows, part_scratch_bytes, part};
