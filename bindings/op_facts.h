/* SPDX-License-Identifier: Apache-2.0
 *
 * What the C side knows about an op beyond ops.def.  The runtime's private headers are C; this one is C++ too.
 */
#ifndef GROAT_OP_FACTS_H
#define GROAT_OP_FACTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 if its output may take over the memory of an input. */
int groat_op_inplace(uint32_t id);

/* 1 if streams can run it part by part. */
int groat_op_by_rows(uint32_t id);

/* 1 if it splits its work into parts. */
int groat_op_parallel(uint32_t id);

/* The length of its parameter struct; 0 for an unknown id. */
uint32_t groat_op_params_bytes(uint32_t id);

/* The scratch it wants for these parameters, aligned as their struct is; the id must be known. */
uint32_t groat_op_scratch_bytes(uint32_t id, const void *params);

/* The same when it makes so many pixels at a time, of an input that lies so: enum groat_reach. */
uint32_t groat_op_part_scratch_bytes(uint32_t id, const void *params, uint32_t pixels, uint32_t reach);

/* enum groat_reach of core/op.h: padded, bare, in pieces. */
extern const uint32_t groat_reaches[3];

/* What a stream's state takes for each of its lines. */
extern const uint32_t groat_stream_state_bytes;

#ifdef __cplusplus
}
#endif

#endif
