/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops share that go through images row by row.
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
    *rows = (groat_rows){.count = groat_arg_tensor(call, call->step->inputs)->dims[1], .extent = 1, .stride = 1};
}

void groat_rows_added_up(uint32_t height, groat_rows *rows)
{
    *rows = (groat_rows){.count = height, .extent = 1, .stride = 1, .adds_up = 1};
}

void groat_add_up(int32_t *sums, const int8_t *row, uint32_t pixels, uint32_t channels, int first)
{
    if (first) {
        memset(sums, 0, groat_sums_bytes(channels));
    }
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < channels; c++) {
            sums[c] += *row++;
        }
    }
}
