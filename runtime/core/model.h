/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the tables of a packed model in place.  Nothing here checks anything: that is open.c's task.
 */
#ifndef GROAT_CORE_MODEL_H
#define GROAT_CORE_MODEL_H

#include <stddef.h>

#include "../include/groat/groat.h"

static inline const groat_header *groat_header_of(const groat_t *net)
{
    return (const groat_header *)(const void *)net->model;
}

static inline const void *groat_table(const groat_t *net, groat_section section)
{
    return net->model + section.offset;
}

static inline const groat_program *groat_program_of(const groat_t *net, uint32_t index)
{
    return (const groat_program *)groat_table(net, groat_header_of(net)->programs) + index;
}

static inline const groat_step *groat_step_of(const groat_t *net, uint32_t index)
{
    return (const groat_step *)groat_table(net, groat_header_of(net)->steps) + index;
}

static inline const groat_tensor *groat_tensor_of(const groat_t *net, uint32_t id)
{
    return (const groat_tensor *)groat_table(net, groat_header_of(net)->tensors) + id;
}

static inline const groat_buffer *groat_buffer_of(const groat_t *net, uint32_t id)
{
    return (const groat_buffer *)groat_table(net, groat_header_of(net)->buffers) + id;
}

static inline uint16_t groat_arg(const groat_t *net, uint32_t index)
{
    return ((const uint16_t *)groat_table(net, groat_header_of(net)->args))[index];
}

/* Where a buffer lies.  Only arena buffers are ever written, hence the cast. */
static inline void *groat_address(const groat_t *net, const groat_buffer *buffer)
{
    const uint8_t *base = buffer->kind == GROAT_BUFFER_CONST ? net->model : net->arena;
    return (void *)(uintptr_t)(base + buffer->offset);
}

/* Bytes of one element; 0 for an unknown type. */
static inline uint32_t groat_dtype_bytes(uint8_t dtype)
{
    switch (dtype) {
    case GROAT_INT8:
    case GROAT_UINT8:
        return 1;
    case GROAT_INT16:
        return 2;
    case GROAT_INT32:
    case GROAT_FLOAT32:
        return 4;
    default:
        return 0;
    }
}

static inline uint32_t groat_elements(const groat_tensor *tensor)
{
    uint32_t elements = 1;
    for (uint32_t i = 0; i < GROAT_RANK_MAX; i++) {
        elements *= tensor->dims[i];
    }
    return elements;
}

#endif
