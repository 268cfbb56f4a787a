/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops share that go through images part by part.
 */
#include "rows.h"

int groat_check_equal_rows(const groat_call *call)
{
    const groat_tensor *out = groat_arg_tensor(call, call->step->inputs);
    for (uint32_t i = 0; i < call->step->inputs; i++) {
        for (uint32_t k = 0; k < GROAT_RANK_MAX; k++) {
            if (groat_arg_tensor(call, i)->dims[k] != out->dims[k]) {
                return 0;
            }
        }
    }
    return 1;
}

void groat_rows_alike(const groat_call *call, groat_rows *rows)
{
    (void)call;
    *rows = (groat_rows){.extent = 1, .extent_w = 1, .stride = 1, .stride_w = 1, .dilation = 1};
}

void groat_rows_added_up(groat_rows *rows)
{
    *rows = (groat_rows){.extent = 1, .extent_w = 1, .stride = 1, .stride_w = 1, .dilation = 1, .adds_up = 1};
}

/* Clears the sums before the first part; 1 if this is the last. */
static int begin(const groat_call *call, const groat_part *part, int32_t *sums)
{
    const uint32_t *dims = groat_arg_tensor(call, 0)->dims;
    if (part->y == 0 && part->x == 0) {
        memset(sums, 0, groat_sums_bytes(dims[3]));
    }
    return part->y + 1 == dims[1] && part->x + part->pixels == dims[2];
}

int groat_add_up(const groat_call *call, const groat_part *part, int32_t *sums)
{
    const int8_t *from = groat_part_of(call, 0, part);
    uint32_t channels = groat_arg_tensor(call, 0)->dims[3];
    int last = begin(call, part, sums);
    for (uint32_t p = 0; p < part->pixels; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            sums[c] += *from++;
        }
    }
    return last;
}

int groat_add_up_s16(const groat_call *call, const groat_part *part, int32_t *sums)
{
    const int16_t *from = groat_part_of(call, 0, part);
    uint32_t channels = groat_arg_tensor(call, 0)->dims[3];
    int last = begin(call, part, sums);
    for (uint32_t p = 0; p < part->pixels; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            sums[c] = (int32_t)((uint32_t)sums[c] + (uint32_t)*from++);
        }
    }
    return last;
}
