/* SPDX-License-Identifier: Apache-2.0
 *
 * A pooling of floats: the walk of the int8 ones over wider pixels.  Included for each pooling and type, which defines
 * DTYPE, ELEMENT and KERNEL.
 */
#include "../kernels/select.h"
#include "float.h"
#include "pool.h"

typedef groat_average_pool_2d_float32_params float_params; /* the fields are the same for every pooling and type */

static int check(const groat_call *call)
{
    const float_params *p = groat_params(call);
    GROAT_REQUIRE(p->window.in_c <= UINT16_MAX / sizeof(ELEMENT)); /* as many bytes fit the field */
    GROAT_REQUIRE(p->act_min <= p->act_max);
    return groat_check_pool(call, &p->window, 0, 0, DTYPE);
}

static uint32_t scratch_bytes(const void *params)
{
    const float_params *p = params;
    return groat_pool_scratch_bytes(&p->window);
}

/* The walk counts bytes, and hands on the clamp as bits. */
static void kernel(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const groat_pool_float wide = {
        .channels = k->channels / (uint32_t)sizeof(ELEMENT),
        .rows = k->rows,
        .taps = k->taps,
        .pixel_stride = k->pixel_stride / (uint32_t)sizeof(ELEMENT),
        .act_min = groat_float_of((uint32_t)k->act_min),
        .act_max = groat_float_of((uint32_t)k->act_max),
    };
    KERNEL(&wide, rows, (ELEMENT *)(void *)out, pixels);
}

static void run(const groat_call *call)
{
    const float_params *p = groat_params(call);
    const groat_window bytes = groat_window_of_float(&p->window, sizeof(ELEMENT));
    groat_pool(call, &bytes, (int32_t)groat_bits_of(p->act_min), (int32_t)groat_bits_of(p->act_max), kernel);
}
