/* SPDX-License-Identifier: Apache-2.0
 *
 * The parameters of an open model to flash and back.
 */
#include "../include/groat/store.h"
#include "../core/crc.h"
#include "../core/op.h"

/* What decides where each parameter lies in their block, and what it means: not how the model was planned. */
uint32_t groat_identity(const groat_t *net)
{
    const groat_header *header = groat_header_of(net);
    uint32_t crc = groat_crc32(0, header->source_hash, sizeof header->source_hash);
    for (uint32_t i = 0; i < header->states.count; i++) {
        const groat_tensor *tensor = groat_state_tensor(net, i);
        if (groat_state_of(net, i)->kind == GROAT_STATE_PARAMETER) {
            crc = groat_crc32(crc, &tensor->dtype, sizeof tensor->dtype);
            crc = groat_crc32(crc, tensor->dims, sizeof tensor->dims);
        }
    }
    return crc;
}

int groat_commit(const groat_t *net, const groat_flash *flash)
{
    uint32_t bytes;
    const void *parameters = groat_parameters(net, &bytes);
    return groat_store_commit(flash, groat_identity(net), parameters, bytes);
}

int groat_restore(const groat_t *net, const groat_flash *flash)
{
    uint32_t bytes;
    void *parameters = groat_parameters(net, &bytes);
    groat_reset_states(net);
    int status = groat_store_restore(flash, groat_identity(net), parameters, bytes);
    if (status == GROAT_E_FLASH) {
        groat_reset_states(net); /* some of them may have been read */
    }
    return status;
}
