/* SPDX-License-Identifier: Apache-2.0
 *
 * The maximum of each channel over windows of an int16 image.
 */
#include "../kernels/select.h"
#include "pool.h"

static int check(const groat_call *call)
{
    const groat_max_pool_2d_int16_params *p = groat_params(call);
    GROAT_REQUIRE(p->window.in_c <= INT16_MAX); /* twice as many bytes fit the field */
    return groat_check_pool(call, &p->window, p->act_min, p->act_max, GROAT_INT16);
}

static uint32_t scratch_bytes(const void *params)
{
    const groat_max_pool_2d_int16_params *p = params;
    return groat_pool_scratch_bytes(&p->window);
}

/* The walk counts bytes. */
static void kernel(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const groat_pool_s16 wide = {
        .channels = k->channels / 2,
        .rows = k->rows,
        .taps = k->taps,
        .pixel_stride = k->pixel_stride / 2,
        .act_min = k->act_min,
        .act_max = k->act_max,
    };
    groat_kernels.max_pool_s16(&wide, rows, (int16_t *)(void *)out, pixels);
}

static void run(const groat_call *call)
{
    const groat_max_pool_2d_int16_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_s16(&p->window);
    groat_pool(call, &bytes, p->act_min, p->act_max, kernel);
}

const groat_op groat_op_max_pool_2d_int16 = {check, scratch_bytes, run};

/* ---- Part by part ---------------------------------------------------------------------------------- */

static int check_rows(const groat_call *call)
{
    const groat_max_pool_2d_int16_params *p = groat_params(call);
    return groat_window_check_rows(call, &p->window);
}

static void rows(const groat_call *call, groat_rows *rows)
{
    const groat_max_pool_2d_int16_params *p = groat_params(call);
    groat_pool_rows(&p->window, rows);
}

static uint32_t part_scratch_bytes(const void *params, const groat_unit *unit)
{
    const groat_max_pool_2d_int16_params *p = params;
    const groat_window bytes = groat_window_of_s16(&p->window);
    return groat_pool_part_scratch_bytes(&bytes, unit);
}

static void part(const groat_call *call, const groat_part *part)
{
    const groat_max_pool_2d_int16_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_s16(&p->window);
    groat_pool_part(call, &bytes, p->act_min, p->act_max, part, kernel);
}

const groat_row_op groat_row_op_max_pool_2d_int16 = {check_rows, rows, part_scratch_bytes, part};
