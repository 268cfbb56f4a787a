/* SPDX-License-Identifier: Apache-2.0
 *
 * The maximum of each channel over windows of the image.
 */
#include "../kernels/select.h"
#include "pool.h"

static int check(const groat_call *call)
{
    const groat_max_pool_2d_params *p = groat_params(call);
    return groat_check_pool(call, &p->window, p->act_min, p->act_max, GROAT_INT8);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_max_pool_2d_params *p = params;
    return groat_pool_scratch_bytes(&p->window);
}

static void run(const groat_call *call)
{
    const groat_max_pool_2d_params *p = groat_params(call);
    groat_pool(call, &p->window, p->act_min, p->act_max, groat_kernels.max_pool_s8);
}

const groat_op groat_op_max_pool_2d = {check, scratch_bytes, run};

static int check_rows(const groat_call *call)
{
    const groat_max_pool_2d_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_max_pool_2d_params *p = groat_params(call);
    groat_pool_rows(&p->window, rows);
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_max_pool_2d_params *p = params;
    return groat_pool_part_scratch_bytes(&p->window, unit);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_max_pool_2d_params *p = groat_params(call);
    groat_pool_part(call, &p->window, p->act_min, p->act_max, part, groat_kernels.max_pool_s8);
}

const groat_row_op groat_row_op_max_pool_2d = {check_rows, rows, part_scratch_bytes, part};
