/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops share that go through images part by part: those that make a part of their output from the one at its place in
 * each input, and those that add up all parts.
 */
#ifndef GROAT_OPS_ROWS_H
#define GROAT_OPS_ROWS_H

#include "../core/op.h"

/* 1 if all tensors of the call have one shape. */
int groat_check_equal_rows(const groat_call *call);

/* Each pixel is made from the ones at its place. */
void groat_rows_alike(const groat_call *call, groat_rows *rows);

/* How many elements of its output a part has. */
static inline uint32_t groat_part_elements(const groat_call *call, const groat_part *part)
{
    return part->pixels * groat_arg_tensor(call, call->step->inputs)->dims[3];
}

void groat_rows_added_up(groat_rows *rows);

/* Scratch for the sums of so many channels. */
static inline uint32_t groat_sums_bytes(uint32_t channels)
{
    return channels * (uint32_t)sizeof(int32_t);
}

/* Adds the pixels of a part of the input to the sums of their channels; the first part clears them before.  Returns 1
 * after the last. */
int groat_add_up(const groat_call *call, const groat_part *part, int32_t *sums);

/* The same for int16; sums wrap modulo 2^32. */
int groat_add_up_s16(const groat_call *call, const groat_part *part, int32_t *sums);

#endif
