/* SPDX-License-Identifier: Apache-2.0
 *
 * How elementwise ops of two operands walk arrays of which one may repeat along some dimensions.
 */
#ifndef GROAT_OPS_BROADCAST_H
#define GROAT_OPS_BROADCAST_H

#include "rows.h"

/* Every index of `dims` lands inside a and b; the innermost strides are 0 or 1; an operand that shares memory with
 * the output is not repeated.  Inputs 0 and 1 and output 0 have the type. */
int groat_check_broadcast(const groat_call *call, const uint32_t dims[GROAT_RANK_MAX],
                          const uint32_t a_strides[GROAT_RANK_MAX], const uint32_t b_strides[GROAT_RANK_MAX],
                          uint8_t dtype);

/* out[i] = f(a[i * a_step], b[i * b_step]). */
typedef void (*groat_binary)(const void *kernel, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                             void *out, uint32_t count);

/* Calls `f` for each innermost run. */
void groat_broadcast(const groat_call *call, const uint32_t dims[GROAT_RANK_MAX],
                     const uint32_t a_strides[GROAT_RANK_MAX], const uint32_t b_strides[GROAT_RANK_MAX],
                     uint32_t element_bytes, groat_binary f, const void *kernel);

/* The same for a part, of operands that are as large as the output. */
void groat_broadcast_part(const groat_call *call, const groat_part *part, groat_binary f, const void *kernel);

#endif
