/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks the executor's op table on behalf of the bindings.
 */
#include "op_facts.h"

#include "core/stream.h"

int groat_op_inplace(uint32_t id)
{
    return (groat_find_op(id).flags & GROAT_INPLACE) != 0;
}

int groat_op_parallel(uint32_t id)
{
    return (groat_find_op(id).flags & GROAT_PARALLEL) != 0;
}

int groat_op_by_rows(uint32_t id)
{
    return groat_find_row_op(id) != NULL;
}

uint32_t groat_op_params_bytes(uint32_t id)
{
    return groat_find_op(id).params_bytes;
}

uint32_t groat_op_scratch_bytes(uint32_t id, const void *params)
{
    const groat_op *op = groat_find_op(id).op;
    return op->scratch_bytes != NULL ? op->scratch_bytes(params) : 0;
}

uint32_t groat_op_part_scratch_bytes(uint32_t id, const void *params, uint32_t pixels, uint32_t reach)
{
    const groat_row_op *op = groat_find_row_op(id);
    const groat_unit unit = {pixels, (uint8_t)reach};
    return op != NULL && op->scratch_bytes != NULL ? op->scratch_bytes(params, &unit) : 0;
}

const uint32_t groat_reaches[3] = {GROAT_PADDED, GROAT_BARE, GROAT_PIECES};

const uint32_t groat_stream_state_bytes = sizeof(groat_progress);
