/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker: what there is until a port brings more.
 */
#include "../include/groat/parallel.h"

__attribute__((weak)) void groat_parallel_for(const void *context, uint32_t parts,
                                              void (*work)(const void *context, uint32_t part))
{
    for (uint32_t part = 0; part < parts; part++) {
        work(context, part);
    }
}
