/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks a packed model once, so that nothing after it has to: bounds, alignment, ids, counts, shapes,
 * lifetimes, overlaps, and each op's own parameters.  It reads the file in place and needs no memory.
 */
#include "../kernels/select.h"
#include "crc.h"
#include "op.h"

static int check_header(const void *model, uint32_t model_bytes)
{
    const groat_header *header = model;
    if (model == NULL) {
        return GROAT_E_ARGUMENT;
    }
    if ((uintptr_t)model % GROAT_ALIGN != 0) {
        return GROAT_E_ALIGNMENT;
    }
    if (model_bytes < sizeof(groat_header)) {
        return GROAT_E_TRUNCATED;
    }
    if (header->magic != GROAT_MAGIC) {
        return GROAT_E_MAGIC;
    }
    if (header->version_major != GROAT_VERSION_MAJOR || header->version_minor > GROAT_VERSION_MINOR) {
        return GROAT_E_VERSION;
    }
    if (header->file_bytes > model_bytes || header->file_bytes < sizeof(groat_header)) {
        return GROAT_E_TRUNCATED;
    }
    return GROAT_OK;
}

/* `bytes` bytes from `offset` on lie behind the header and inside the file, at a multiple of `align`. */
static int check_range(const groat_t *net, uint32_t offset, uint64_t bytes, uint32_t align)
{
    if (offset % align != 0) {
        return GROAT_E_MISALIGNED;
    }
    uint32_t file_bytes = groat_header_of(net)->file_bytes;
    int inside = offset >= sizeof(groat_header) && offset <= file_bytes && bytes <= file_bytes - offset;
    return inside ? GROAT_OK : GROAT_E_BOUNDS;
}

static int check_sections(const groat_t *net)
{
    static const struct {
        uint8_t offset; /* in the header */
        uint8_t record_bytes;
    } sections[] = {
#define SECTION(name, record) {offsetof(groat_header, name), sizeof(record)}
        SECTION(regions, groat_region), SECTION(programs, groat_program), SECTION(steps, groat_step),
        SECTION(tensors, groat_tensor), SECTION(buffers, groat_buffer),   SECTION(args, uint16_t),
        SECTION(names, char),           SECTION(streams, groat_stream),   SECTION(lines, groat_line),
        SECTION(states, groat_state),
#undef SECTION
    };
    const groat_header *header = groat_header_of(net);
    const uint32_t always = 7; /* the sections that no model is without */
    for (uint32_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const groat_section *section = (const void *)(net->base[GROAT_REGION_FILE] + sections[i].offset);
        uint32_t record_bytes = sections[i].record_bytes;
        /* Ids are 16 bits wide; names alone may be longer than that. */
        if ((section->count == 0 && i < always) || (section->count >= GROAT_NONE && record_bytes > 1)) {
            return GROAT_E_BOUNDS;
        }
        GROAT_TRY(check_range(net, section->offset, (uint64_t)section->count * record_bytes, 4));
    }
    const char *names = groat_table(net, header->names);
    return names[header->names.count - 1] == 0 ? GROAT_OK : GROAT_E_TENSOR;
}

/* Whether one of two buffers may lie at the place of the other; groat_check_streams knows how far. */
static int lies_over(const groat_t *net, uint32_t i, uint32_t j)
{
#ifdef GROAT_NO_STREAMS
    (void)net, (void)i, (void)j;
    return 0;
#else
    return groat_buffer_of(net, i)->over == j || groat_buffer_of(net, j)->over == i;
#endif
}

/* Buffers come in the order of their first step, so that those alive together are neighbours. */
static int check_buffers(const groat_t *net)
{
    const groat_header *header = groat_header_of(net);
    const groat_region *regions = groat_region_of(net, 0);
    uint32_t count = header->buffers.count;
    for (uint32_t i = 0; i < count; i++) {
        const groat_buffer *b = groat_buffer_of(net, i);
        if (b->bytes == 0 || b->first_step > b->last_step || b->last_step >= header->steps.count ||
            (i > 0 && b->first_step < b[-1].first_step)) {
            return GROAT_E_TENSOR;
        }
        if (groat_is_const(b)) {
            GROAT_TRY(check_range(net, b->offset, b->bytes, GROAT_ALIGN));
            continue;
        }
        if (b->region > header->regions.count) {
            return GROAT_E_TENSOR;
        }
        if (b->offset % GROAT_ALIGN != 0) {
            return GROAT_E_MISALIGNED;
        }
        uint32_t region_bytes = regions[b->region - 1].bytes;
        if (b->offset > region_bytes || b->bytes > region_bytes - b->offset) {
            return GROAT_E_BOUNDS;
        }
        for (uint32_t j = i + 1; j < count && b[j - i].first_step <= b->last_step; j++) {
            const groat_buffer *other = &b[j - i];
            /* An end that wraps belongs to a buffer that leaves its region, and is refused for that in its turn. */
            if (other->offset < b->offset + b->bytes && b->offset < other->offset + other->bytes &&
                other->region == b->region && !lies_over(net, i, j)) {
                return GROAT_E_OVERLAP;
            }
        }
    }
    return GROAT_OK;
}

static int check_tensors(const groat_t *net)
{
    const groat_header *header = groat_header_of(net);
    for (uint32_t i = 0; i < header->tensors.count; i++) {
        const groat_tensor *t = groat_tensor_of(net, i);
        uint32_t element_bytes = groat_dtype_bytes(t->dtype);
        if (element_bytes == 0) {
            return GROAT_E_DTYPE;
        }
        if (t->buffer >= header->buffers.count || t->name >= header->names.count || t->rank > GROAT_RANK_MAX) {
            return GROAT_E_TENSOR;
        }
        uint32_t elements = groat_product(t->dims, GROAT_RANK_MAX);
        if (t->line != GROAT_NONE && t->line >= header->lines.count) {
            return GROAT_E_STREAM;
        }
        /* Of a ring, groat_check_streams knows what it holds. */
        uint32_t room = groat_is_ring(net, t) ? UINT32_MAX : groat_buffer_of(net, t->buffer)->bytes;
        if (elements == 0 || elements > room / element_bytes) {
            return GROAT_E_SHAPE;
        }
    }
    return GROAT_OK;
}

/* `count` tensor ids from `args` on exist. */
static int check_args(const groat_t *net, uint32_t args, uint32_t count)
{
    const groat_header *header = groat_header_of(net);
    if (args + count > header->args.count) {
        return GROAT_E_BOUNDS;
    }
    for (uint32_t i = args; i < args + count; i++) {
        if (groat_arg(net, i) >= header->tensors.count) {
            return GROAT_E_BOUNDS;
        }
    }
    return GROAT_OK;
}

static const groat_buffer *arg_buffer(const groat_t *net, uint32_t arg)
{
    return groat_buffer_of(net, groat_tensor_of(net, groat_arg(net, arg))->buffer);
}

static int alive(const groat_buffer *buffer, uint32_t first_step, uint32_t last_step)
{
    return groat_is_const(buffer) || (buffer->first_step <= first_step && last_step <= buffer->last_step);
}

static int check_programs(const groat_t *net)
{
    const groat_header *header = groat_header_of(net);
    for (uint32_t i = 0; i < header->programs.count; i++) {
        const groat_program *p = groat_program_of(net, i);
        uint32_t last = (uint32_t)p->first_step + p->step_count - 1u;
        if (p->step_count == 0 || last >= header->steps.count) {
            return GROAT_E_BOUNDS;
        }
        GROAT_TRY(check_args(net, p->args, (uint32_t)p->inputs + p->outputs));
        for (uint32_t k = 0; k < (uint32_t)p->inputs + p->outputs; k++) {
            const groat_buffer *b = arg_buffer(net, (uint32_t)p->args + k);
            uint32_t step = k < p->inputs ? p->first_step : last;
            if (groat_is_ring(net, groat_tensor_of(net, groat_arg(net, (uint32_t)p->args + k)))) {
                continue; /* it goes row by row, while its stream runs */
            }
            if (groat_is_const(b) || !alive(b, step, step)) {
                return GROAT_E_LIFETIME;
            }
        }
    }
    return GROAT_OK;
}

/* An output shares memory with an input only as the very same bytes, and only where the op allows it. */
static int check_aliases(const groat_call *call, uint32_t flags)
{
    uint32_t inputs = call->step->inputs;
    uint32_t args = inputs + call->step->outputs;
    for (uint32_t o = inputs; o < args; o++) {
        const groat_tensor *out = groat_arg_tensor(call, o);
        for (uint32_t i = 0; i < args; i++) {
            const groat_tensor *in = groat_arg_tensor(call, i);
            if (i == o || in->buffer != out->buffer) {
                continue;
            }
            int same = i < inputs && groat_elements(in) * groat_dtype_bytes(in->dtype) ==
                                         groat_elements(out) * groat_dtype_bytes(out->dtype);
            if (!same || !(flags & GROAT_INPLACE)) {
                return GROAT_E_OVERLAP;
            }
        }
    }
    return GROAT_OK;
}

static int check_step(const groat_t *net, uint32_t index)
{
    const groat_header *header = groat_header_of(net);
    const groat_step *step = groat_step_of(net, index);
    const groat_call call = {net, step};
    groat_op_row row = groat_find_op(step->op);
    if (row.op == NULL) {
        return groat_is_op(step->op) ? GROAT_E_OP_NOT_LINKED : GROAT_E_OP_UNKNOWN;
    }
    if (step->params_bytes != row.params_bytes) {
        return GROAT_E_PARAMS;
    }
    GROAT_TRY(check_range(net, step->params, step->params_bytes, 4));
    GROAT_TRY(check_args(net, step->args, (uint32_t)step->inputs + step->outputs));
    for (uint32_t i = 0; i < (uint32_t)step->inputs + step->outputs; i++) {
        const groat_buffer *b = arg_buffer(net, (uint32_t)step->args + i);
        if ((i >= step->inputs && groat_is_const(b)) || !alive(b, index, index)) {
            return GROAT_E_LIFETIME;
        }
    }
    GROAT_TRY(check_aliases(&call, row.flags));
    GROAT_TRY(row.op->check(&call));
    if (groat_stream_with(net, index) != NULL) {
        return GROAT_OK;
    }
    for (uint32_t i = 0; i < (uint32_t)step->inputs + step->outputs; i++) {
        if (groat_is_ring(net, groat_arg_tensor(&call, i))) {
            return GROAT_E_LIFETIME;
        }
    }

    uint32_t scratch_bytes = row.op->scratch_bytes != NULL ? row.op->scratch_bytes(groat_params(&call)) : 0;
    if (scratch_bytes == 0) {
        return GROAT_OK;
    }
    if (step->scratch >= header->buffers.count) {
        return GROAT_E_SCRATCH;
    }
    /* Alive in this one step, so the check of overlaps keeps it apart from every tensor but its own user. */
    const groat_buffer *scratch = groat_buffer_of(net, step->scratch);
    if (groat_is_const(scratch) || scratch->bytes < scratch_bytes || scratch->first_step != index ||
        scratch->last_step != index) {
        return GROAT_E_SCRATCH;
    }
    for (uint32_t i = 0; i < (uint32_t)step->inputs + step->outputs; i++) {
        if (groat_arg_tensor(&call, i)->buffer == step->scratch) {
            return GROAT_E_OVERLAP;
        }
    }
    return GROAT_OK;
}

/* Gives every region its memory. */
static int bind_regions(groat_t *net, const groat_memory *memories, uint32_t count)
{
    uint32_t regions = groat_header_of(net)->regions.count;
    if (regions > GROAT_REGIONS_MAX) {
        return GROAT_E_BOUNDS;
    }
    for (uint32_t i = 0; i < regions; i++) {
        const groat_region *region = groat_region_of(net, i);
        if (region->name >= groat_header_of(net)->names.count) {
            return GROAT_E_TENSOR;
        }
        if (i >= count || memories[i].bytes < region->bytes) {
            return GROAT_E_ARENA_TOO_SMALL;
        }
        if (memories[i].start == NULL) {
            return GROAT_E_ARGUMENT;
        }
        if ((uintptr_t)memories[i].start % GROAT_ALIGN != 0) {
            return GROAT_E_ALIGNMENT;
        }
        net->base[1 + i] = memories[i].start;
    }
    return GROAT_OK;
}

int groat_open(groat_t *net, const void *model, uint32_t model_bytes, void *arena, uint32_t arena_bytes)
{
    const groat_memory memory = {arena, arena_bytes};
    return groat_open_regions(net, model, model_bytes, &memory, 1);
}

int groat_open_regions(groat_t *net, const void *model, uint32_t model_bytes, const groat_memory *memories,
                       uint32_t count)
{
    if (net == NULL || memories == NULL) {
        return GROAT_E_ARGUMENT;
    }
    GROAT_TRY(check_header(model, model_bytes));
    const groat_header *header = model;
    if (header->packing != GROAT_PACKING_SELECTED) {
        return GROAT_E_PACKING;
    }
    net->base[GROAT_REGION_FILE] = model;
    net->io = NULL;
    net->program = 0;
    GROAT_TRY(check_sections(net));
    GROAT_TRY(bind_regions(net, memories, count));
#ifdef GROAT_NO_STREAMS
    if (header->streams.count > 0 || header->lines.count > 0) {
        return GROAT_E_OP_NOT_LINKED;
    }
#endif
#ifdef GROAT_NO_STATES
    if (header->states.count > 0) {
        return GROAT_E_OP_NOT_LINKED;
    }
#endif
    GROAT_TRY(check_buffers(net));
    GROAT_TRY(check_tensors(net));
    GROAT_TRY(check_programs(net));
    for (uint32_t i = 0; i < header->steps.count; i++) {
        GROAT_TRY(check_step(net, i));
    }
#ifndef GROAT_NO_STATES
    GROAT_TRY(groat_check_states(net));
#endif
#ifdef GROAT_NO_STREAMS
    return GROAT_OK;
#else
    return groat_check_streams(net);
#endif
}

uint32_t groat_region_bytes(const void *model, uint32_t model_bytes, uint32_t index)
{
    const groat_header *header = model;
    const groat_t net = {.base = {model}};
    if (check_header(model, model_bytes) != GROAT_OK || index >= header->regions.count ||
        check_range(&net, header->regions.offset, ((uint64_t)index + 1) * sizeof(groat_region), 4) != GROAT_OK) {
        return 0;
    }
    return groat_region_of(&net, index)->bytes;
}

uint32_t groat_arena_bytes(const void *model, uint32_t model_bytes)
{
    return groat_region_bytes(model, model_bytes, 0);
}

int groat_check_crc(const void *model, uint32_t model_bytes)
{
    GROAT_TRY(check_header(model, model_bytes));
    const groat_header *header = model;
    uint32_t crc = groat_crc32(0, (const uint8_t *)model + GROAT_CRC_START, header->file_bytes - GROAT_CRC_START);
    return crc == header->crc32 ? GROAT_OK : GROAT_E_CRC;
}

/* ---- What an op's check asks --------------------------------------------------------------------- */

uint32_t groat_product(const uint32_t *factors, uint32_t count)
{
    uint32_t product = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(product, factors[i], &product)) {
            return 0;
        }
    }
    return product;
}

int groat_check_counts(const groat_call *call, uint32_t inputs, uint32_t outputs)
{
    return call->step->inputs == inputs && call->step->outputs == outputs ? GROAT_OK : GROAT_E_PARAMS;
}

int groat_check_tensor(const groat_call *call, uint32_t index, uint8_t dtype, uint64_t elements)
{
    const groat_tensor *tensor = groat_arg_tensor(call, index);
    if (tensor->dtype != dtype) {
        return GROAT_E_DTYPE;
    }
    return groat_elements(tensor) == elements ? GROAT_OK : GROAT_E_SHAPE;
}

int groat_check_const(const groat_call *call, uint32_t offset, uint64_t bytes)
{
    return check_range(call->net, offset, bytes, GROAT_ALIGN);
}
