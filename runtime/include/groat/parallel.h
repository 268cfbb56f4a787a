/* SPDX-License-Identifier: Apache-2.0
 *
 * The one function through which an op uses several cores.  A port that has them defines it; the runtime's own calls one
 * part after the other.  Only models that are packed for several workers ask for several parts.
 */
#ifndef GROAT_PARALLEL_H
#define GROAT_PARALLEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls work(context, part) for each part from 0 on and before `parts`, in any order, on any cores, and returns when all
 * calls have; what they have written is there for the caller then, and what it had written for them.  Parts write to
 * different memory, and none reads what another writes: results do not depend on who computes what. */
void groat_parallel_for(const void *context, uint32_t parts, void (*work)(const void *context, uint32_t part));

#ifdef __cplusplus
}
#endif

#endif
