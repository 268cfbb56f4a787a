/* SPDX-License-Identifier: Apache-2.0
 *
 * What keeps its contents from run to run: trained parameters, what an optimizer remembers, and the variables of a model
 * that runs over sequences.
 */
#include "op.h"

static const groat_buffer *buffer_of(const groat_t *net, const groat_state *state)
{
    return groat_buffer_of(net, groat_tensor_of(net, state->tensor)->buffer);
}

static uint32_t align_up(uint32_t bytes)
{
    return (bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

int groat_check_states(const groat_t *net)
{
    const groat_header *header = groat_header_of(net);
    const groat_call call = {net, NULL};
    uint32_t next = 0; /* the offset of the next one; each is less than 2^32 and was found to lie in its region */
    uint32_t kind = GROAT_STATE_PARAMETER;
    for (uint32_t i = 0; i < header->states.count; i++) {
        const groat_state *state = groat_state_of(net, i);
        if (state->tensor >= header->tensors.count || state->kind < kind || state->kind > GROAT_STATE_VARIABLE) {
            return GROAT_E_STATE;
        }
        const groat_buffer *buffer = buffer_of(net, state);
        uint32_t bytes = groat_tensor_bytes(net, state->tensor);
        int throughout = buffer->first_step == 0 && buffer->last_step == header->steps.count - 1;
        if (groat_is_ring(net, groat_tensor_of(net, state->tensor)) || buffer->region != 1 || !throughout ||
            buffer->offset != next || buffer->bytes != bytes) {
            return GROAT_E_STATE;
        }
        if (state->initial != 0) {
            GROAT_TRY(groat_check_const(&call, state->initial, bytes));
        }
        next = align_up(buffer->offset + bytes);
        kind = state->kind;
    }
    return GROAT_OK;
}

/* Gives states of this kind and those behind it their first contents. */
static void reset_from(const groat_t *net, uint32_t kind)
{
    for (uint32_t i = 0; i < groat_state_count(net); i++) {
        const groat_state *state = groat_state_of(net, i);
        if (state->kind < kind) {
            continue;
        }
        void *data = groat_state_data(net, i);
        uint32_t bytes = groat_tensor_bytes(net, state->tensor);
        if (state->initial != 0) {
            memcpy(data, net->base[GROAT_REGION_FILE] + state->initial, bytes);
        } else {
            memset(data, 0, bytes);
        }
    }
}

void groat_reset_states(const groat_t *net)
{
    reset_from(net, GROAT_STATE_PARAMETER);
}

void groat_reset_variables(const groat_t *net)
{
    reset_from(net, GROAT_STATE_VARIABLE);
}

uint32_t groat_state_count(const groat_t *net)
{
    return groat_header_of(net)->states.count;
}

const groat_tensor *groat_state_tensor(const groat_t *net, uint32_t index)
{
    return index < groat_state_count(net) ? groat_tensor_of(net, groat_state_of(net, index)->tensor) : NULL;
}

void *groat_state_data(const groat_t *net, uint32_t index)
{
    return index < groat_state_count(net) ? groat_address(net, buffer_of(net, groat_state_of(net, index))) : NULL;
}

uint32_t groat_state_bytes(const groat_t *net, uint32_t index)
{
    return index < groat_state_count(net) ? groat_tensor_bytes(net, groat_state_of(net, index)->tensor) : 0;
}

void *groat_parameters(const groat_t *net, uint32_t *bytes)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < groat_state_count(net); i++) {
        const groat_state *state = groat_state_of(net, i);
        if (state->kind == GROAT_STATE_PARAMETER) {
            end = buffer_of(net, state)->offset + buffer_of(net, state)->bytes;
        }
    }
    *bytes = end;
    return end > 0 ? (void *)(uintptr_t)net->base[1] : NULL;
}

uint32_t groat_find_program(const groat_t *net, const char *name)
{
    const uint32_t count = groat_header_of(net)->programs.count;
    for (uint32_t i = 0; i < count; i++) {
        const char *its = groat_program_of(net, i)->name;
        uint32_t k = 0;
        while (k < sizeof groat_program_of(net, i)->name && its[k] == name[k] && name[k] != 0) {
            k++;
        }
        if (k == sizeof groat_program_of(net, i)->name ? name[k] == 0 : its[k] == name[k]) {
            return i;
        }
    }
    return GROAT_NONE;
}
