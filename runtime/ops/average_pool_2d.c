/* SPDX-License-Identifier: Apache-2.0
 *
 * The average of each channel over windows of the image.
 */
#include "../kernels/select.h"
#include "../kernels/requantize.h"
#include "pool.h"
#include "rows.h"

static int check(const groat_call *call)
{
    const groat_average_pool_2d_params *p = groat_params(call);
    return groat_check_pool(call, &p->window, p->act_min, p->act_max, GROAT_INT8);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_average_pool_2d_params *p = params;
    return groat_pool_scratch_bytes(&p->window);
}

static void run(const groat_call *call)
{
    const groat_average_pool_2d_params *p = groat_params(call);
    groat_pool(call, &p->window, p->act_min, p->act_max, groat_kernels.average_pool_s8);
}

const groat_op groat_op_average_pool_2d = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_average_pool_2d_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_average_pool_2d_params *p = groat_params(call);
    if (groat_pool_is_global(&p->window)) {
        groat_rows_added_up(rows);
    } else {
        groat_pool_rows(&p->window, rows);
    }
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_average_pool_2d_params *p = params;
    const groat_window *w = &p->window;
    return groat_pool_is_global(w) ? groat_sums_bytes(w->in_c) : groat_pool_part_scratch_bytes(w, unit);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_average_pool_2d_params *p = groat_params(call);
    const groat_window *w = &p->window;
    if (!groat_pool_is_global(w)) {
        groat_pool_part(call, w, p->act_min, p->act_max, part, groat_kernels.average_pool_s8);
        return;
    }
    int32_t *sums = groat_scratch(call);
    if (groat_add_up(call, part, sums)) {
        int8_t *out = groat_out(call, 0);
        for (uint32_t c = 0; c < w->in_c; c++) {
            out[c] = (int8_t)groat_clamp(groat_pool_mean(w, sums[c]), p->act_min, p->act_max);
        }
    }
}

const groat_row_op groat_row_op_average_pool_2d = {check_rows, rows, part_scratch_bytes, part};
