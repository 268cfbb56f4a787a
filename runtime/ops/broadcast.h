/* SPDX-License-Identifier: Apache-2.0
 *
 * How elementwise ops of two operands walk arrays of which one may repeat along some dimensions.
 */
#ifndef GROAT_OPS_BROADCAST_H
#define GROAT_OPS_BROADCAST_H

#include "../core/op.h"

/* Every index of `dims` lands inside a and b; the innermost strides are 0 or 1; an operand that shares memory with
 * the output is not repeated.  Inputs 0 and 1 and output 0 are int8. */
int groat_check_broadcast(const groat_call *call, const uint32_t dims[GROAT_RANK_MAX],
                          const uint32_t a_strides[GROAT_RANK_MAX], const uint32_t b_strides[GROAT_RANK_MAX]);

/* out[i] = f(a[i * a_step], b[i * b_step]). */
typedef void (*groat_binary)(const void *kernel, const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step,
                             int8_t *out, uint32_t count);

/* Calls `f` for each innermost run. */
void groat_broadcast(const groat_call *call, const uint32_t dims[GROAT_RANK_MAX],
                     const uint32_t a_strides[GROAT_RANK_MAX], const uint32_t b_strides[GROAT_RANK_MAX], groat_binary f,
                     const void *kernel);

#endif
