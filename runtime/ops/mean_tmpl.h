/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean over some axes, rescaled; the division is folded into the multiplier.  Included for each type, which
 * defines PARAMS, ELEMENT, DTYPE, MIN, MAX, ADD_UP, OFFSET(p) and OUTPUT_ZERO_POINT(p).  Sums wrap modulo 2^32.
 */
#include "../kernels/requantize.h"
#include "rows.h"

static int check(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint64_t kept = groat_product(p->kept_dims, 4);
    uint64_t reduced = groat_product(p->reduced_dims, 4);
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, kept));
    uint64_t elements = groat_elements(groat_arg_tensor(call, 0));
    GROAT_REQUIRE(reduced > 0 && reduced < 1u << 24 && kept > 0 && kept * reduced == elements);
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, elements));
    uint64_t last = 0;
    for (int i = 0; i < 4; i++) {
        last += (uint64_t)(p->kept_dims[i] - 1) * p->kept_strides[i];
        GROAT_REQUIRE(last < elements);
        last += (uint64_t)(p->reduced_dims[i] - 1) * p->reduced_strides[i];
        GROAT_REQUIRE(last < elements);
    }
    GROAT_REQUIRE(p->shift >= -31 && p->shift <= 30);
    return GROAT_OK;
}

static inline uint32_t sum_run(const ELEMENT *x, uint32_t count, uint32_t stride)
{
    uint32_t total = 0;
    for (; count > 0; count--, x += stride) {
        total += (uint32_t)*x;
    }
    return total;
}

static int32_t sum(const PARAMS *p, const ELEMENT *x)
{
    const uint32_t *d = p->reduced_dims;
    const uint32_t *s = p->reduced_strides;
    /* Most reduce one stretch of memory; short ones would spend their time in loops over nothing. */
    if (d[0] == 1 && d[1] == 1 && d[2] == 1) {
        return (int32_t)sum_run(x, d[3], s[3]);
    }
    uint32_t total = 0;
    for (uint32_t i = 0; i < d[0]; i++) {
        for (uint32_t j = 0; j < d[1]; j++) {
            for (uint32_t k = 0; k < d[2]; k++) {
                total += sum_run(x + i * s[0] + j * s[1] + k * s[2], d[3], s[3]);
            }
        }
    }
    return (int32_t)total;
}

static ELEMENT rescale(const PARAMS *p, int32_t total)
{
    int32_t y = groat_requantize(groat_add_wrap(total, OFFSET(p)), p->multiplier, p->shift);
    return (ELEMENT)groat_clamp(groat_add_wrap(y, OUTPUT_ZERO_POINT(p)), MIN, MAX);
}

static void run(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    const ELEMENT *in = groat_in(call, 0);
    ELEMENT *out = groat_out(call, 0);
    const uint32_t *d = p->kept_dims;
    const uint32_t *s = p->kept_strides;
    for (uint32_t i = 0; i < d[0]; i++) {
        for (uint32_t j = 0; j < d[1]; j++) {
            for (uint32_t k = 0; k < d[2]; k++) {
                const ELEMENT *row = in + i * s[0] + j * s[1] + k * s[2];
                for (uint32_t l = 0; l < d[3]; l++) {
                    *out++ = rescale(p, sum(p, row + l * s[3]));
                }
            }
        }
    }
}

/* ---- Part by part ---------------------------------------------------------------------------------- */

/* Whether the mean of each channel is over the whole image; its two axes are then merged into one. */
static int check_rows(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
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
    const PARAMS *p = params;
    return groat_sums_bytes(p->kept_dims[3]);
}

static void part(const groat_call *call, const groat_part *part)
{
    const PARAMS *p = groat_params(call);
    int32_t *sums = groat_scratch(call);
    if (ADD_UP(call, part, sums)) {
        ELEMENT *out = groat_out(call, 0);
        for (uint32_t c = 0; c < p->kept_dims[3]; c++) {
            out[c] = rescale(p, sums[c]);
        }
    }
}
