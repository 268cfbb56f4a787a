/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops share that go through images row by row: those that make row y of their output from row y of each input,
 * and those that add up all rows.
 */
#ifndef GROAT_OPS_ROWS_H
#define GROAT_OPS_ROWS_H

#include "../core/op.h"

/* 1 if all tensors of the call have one shape. */
int groat_check_equal_rows(const groat_call *call);

void groat_rows_alike(const groat_call *call, groat_rows *rows);

/* One call for each of `height` rows. */
void groat_rows_added_up(uint32_t height, groat_rows *rows);

/* Scratch for the sums of so many channels. */
static inline uint32_t groat_sums_bytes(uint32_t channels)
{
    return channels * (uint32_t)sizeof(int32_t);
}

/* Adds the pixels of a row to the sums of their channels; the first row clears them before. */
void groat_add_up(int32_t *sums, const int8_t *row, uint32_t pixels, uint32_t channels, int first);

#endif
