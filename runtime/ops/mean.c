/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean over some axes of int8.
 */
#include "rows.h"

#define PARAMS groat_mean_params
#define ELEMENT int8_t
#define DTYPE GROAT_INT8
#define MIN INT8_MIN
#define MAX INT8_MAX
#define OFFSET(p) ((p)->offset)
#define OUTPUT_ZERO_POINT(p) ((p)->output_zero_point)
#include "mean_tmpl.h"

const groat_op groat_op_mean = {check, NULL, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* Whether the mean of each channel is over the whole image; its two axes are then merged into one. */
static int check_rows(const groat_call *call)
{
    const groat_mean_params *p = groat_params(call);
    const uint32_t *dims = groat_arg_tensor(call, 0)->dims;
    for (int i = 0; i < 3; i++) {
        if (p->kept_dims[i] != 1 || p->reduced_dims[i] != 1) {
            return 0;
        }
    }
    return p->kept_dims[3] == dims[3] && p->reduced_dims[3] == dims[1] * dims[2] &&
           (p->kept_strides[3] == 1 || dims[3] == 1) && (p->reduced_strides[3] == dims[3] || dims[1] * dims[2] == 1);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    (void)call;
    groat_rows_added_up(rows);
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    (void)unit;
    const groat_mean_params *p = params;
    return groat_sums_bytes(p->kept_dims[3]);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_mean_params *p = groat_params(call);
    int32_t *sums = groat_scratch(call);
    if (groat_add_up(call, part, sums)) {
        int8_t *out = groat_out(call, 0);
        for (uint32_t c = 0; c < p->kept_dims[3]; c++) {
            out[c] = rescale(p, sums[c]);
        }
    }
}

const groat_row_op groat_row_op_mean = {check_rows, rows, part_scratch_bytes, part};
