/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutations that know the format.  Flipped bytes alone would nearly always be refused by the first checks; these
 * change single fields of tables and parameters, change one number wherever it occurs, so that shapes still agree,
 * and often mend what every file needs, so that the checks and ops behind it are reached.
 */
#include <string.h>

#include "../../runtime/core/op.h"
#include "../../runtime/kernels/select.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

typedef struct file {
    uint8_t *data;
    uint32_t size;
    groat_header header;    /* as it was before this mutation */
    uint64_t state;
} file;

static uint32_t draw(file *f, uint32_t limit)
{
    f->state = f->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(f->state >> 33) % limit;
}

/* ---- Fields -------------------------------------------------------------------------------------- */

static uint32_t load(const uint8_t *at, uint32_t width)
{
    uint32_t value = 0;
    memcpy(&value, at, width);
    return value;
}

static void store(uint8_t *at, uint32_t width, uint32_t value)
{
    memcpy(at, &value, width);
}

static uint32_t other_value(file *f, uint32_t old)
{
    switch (draw(f, 8)) {
    case 0:
        return old + 1 + draw(f, 16);
    case 1:
        return old - 1 - draw(f, 16);
    case 2:
        return draw(f, 9);
    case 3:
        return 1u << draw(f, 32);
    case 4:
        return (1u << draw(f, 32)) - 1;
    case 5:
        return 0u - draw(f, 130);
    case 6:
        return draw(f, 2) ? old * 2 : old / 2;
    default:
        return load(f->data + draw(f, (f->size - 4) / 4 + 1) * 4, 4);
    }
}

/* One naturally aligned field of 1, 2 or 4 bytes in [start, start + bytes). */
static void change_field(file *f, uint32_t start, uint32_t bytes)
{
    uint32_t width = 1u << draw(f, 3);
    if (start > f->size || bytes > f->size - start || bytes < width) {
        return;
    }
    uint8_t *at = f->data + start + draw(f, bytes / width) * width;
    store(at, width, other_value(f, load(at, width)));
}

static const struct {
    uint32_t section;       /* its offset in the header */
    uint32_t record_bytes;
} tables[] = {
    {offsetof(groat_header, programs), sizeof(groat_program)}, {offsetof(groat_header, steps), sizeof(groat_step)},
    {offsetof(groat_header, tensors), sizeof(groat_tensor)},   {offsetof(groat_header, buffers), sizeof(groat_buffer)},
    {offsetof(groat_header, args), sizeof(uint16_t)},          {offsetof(groat_header, regions), sizeof(groat_region)},
};

/* The offset of a random record, or `size` if the table does not lie in the file. */
static uint32_t draw_record(file *f, uint32_t table)
{
    groat_section section;
    memcpy(&section, (const uint8_t *)&f->header + tables[table].section, sizeof section);
    uint64_t end = section.offset + (uint64_t)section.count * tables[table].record_bytes;
    if (section.count == 0 || end > f->size) {
        return f->size;
    }
    return section.offset + draw(f, section.count) * tables[table].record_bytes;
}

static void change_record(file *f)
{
    uint32_t table = draw(f, sizeof tables / sizeof tables[0]);
    uint32_t record = draw_record(f, table);
    uint32_t bytes = tables[table].record_bytes;
    if (draw(f, 6) == 0) { /* like another one */
        uint32_t other = draw_record(f, table);
        if (record < f->size && other < f->size) {
            memmove(f->data + record, f->data + other, bytes);
        }
        return;
    }
    change_field(f, record, bytes);
}

static void change_params(file *f)
{
    uint32_t record = draw_record(f, 1);
    if (record < f->size) {
        groat_step step;
        memcpy(&step, f->data + record, sizeof step);
        change_field(f, step.params, step.params_bytes < 256 ? step.params_bytes : 256);
    }
}

/* A number that stands in tensors and parameters alike, such as a height, becomes another one everywhere. */
static void change_everywhere(file *f)
{
    uint32_t record = draw_record(f, 2);
    if (record >= f->size) {
        return;
    }
    uint32_t at = record + (uint32_t)offsetof(groat_tensor, dims) + 4 * draw(f, GROAT_RANK_MAX);
    uint32_t old = load(f->data + at, 4);
    uint32_t new = 1 + draw(f, 20);
    for (at = sizeof(groat_header); old > 0 && at + 2 <= f->size; at += 2) {
        if (load(f->data + at, 2) == old && draw(f, 16) != 0) {
            store(f->data + at, 2, new);
        }
    }
}

/* ---- Mending ------------------------------------------------------------------------------------- */

static void mend_header(file *f)
{
    groat_header header;
    memcpy(&header, f->data, sizeof header);
    header.magic = GROAT_MAGIC;
    header.version_major = GROAT_VERSION_MAJOR;
    header.version_minor = GROAT_VERSION_MINOR;
    header.packing = GROAT_PACKING_SELECTED;
    header.file_bytes = header.file_bytes > f->size ? f->size : header.file_bytes;
    memcpy(f->data, &header, sizeof header);
}

/* Makes every arena buffer large enough for its tensors and gives it bytes of its own. */
static void mend_buffers(file *f)
{
    groat_header header;
    memcpy(&header, f->data, sizeof header);
    uint64_t regions_end = header.regions.offset + (uint64_t)header.regions.count * sizeof(groat_region);
    uint64_t buffers_end = header.buffers.offset + (uint64_t)header.buffers.count * sizeof(groat_buffer);
    uint64_t tensors_end = header.tensors.offset + (uint64_t)header.tensors.count * sizeof(groat_tensor);
    if (regions_end > f->size || buffers_end > f->size || tensors_end > f->size) {
        return;
    }
    uint32_t region_bytes[GROAT_REGIONS_MAX] = {0};
    for (uint32_t i = 0; i < header.buffers.count; i++) {
        uint8_t *at = f->data + header.buffers.offset + i * sizeof(groat_buffer);
        groat_buffer buffer;
        memcpy(&buffer, at, sizeof buffer);
        uint32_t bytes = 0;
        for (uint32_t k = 0; k < header.tensors.count; k++) {
            groat_tensor tensor;
            memcpy(&tensor, f->data + header.tensors.offset + k * sizeof tensor, sizeof tensor);
            uint32_t wanted = groat_elements(&tensor) * groat_dtype_bytes(tensor.dtype);
            bytes = tensor.buffer == i && wanted > bytes ? wanted : bytes;
        }
        uint32_t region = buffer.region - 1u;
        if (region >= GROAT_REGIONS_MAX) {
            continue;
        }
        /* Without a tensor it is scratch. */
        buffer.bytes = bytes == 0 ? 512 + 512 * draw(f, 4) : bytes < 1 << 14 ? bytes : 1 << 14;
        buffer.offset = region_bytes[region];
        region_bytes[region] += (buffer.bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
        memcpy(at, &buffer, sizeof buffer);
    }
    for (uint32_t i = 0; i < header.regions.count && i < GROAT_REGIONS_MAX; i++) {
        store(f->data + header.regions.offset + i * sizeof(groat_region), 4, region_bytes[i]);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    file f = {.data = data, .size = (uint32_t)size, .state = seed};
    if (size < sizeof(groat_header) || draw(&f, 16) == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(&f.header, data, sizeof f.header);
    for (uint32_t edits = 1 + draw(&f, 4); edits > 0; edits--) {
        switch (draw(&f, 8)) {
        case 0:
            change_field(&f, 0, sizeof(groat_header));
            break;
        case 1:
        case 2:
            change_record(&f);
            break;
        case 3:
        case 4:
            change_params(&f);
            break;
        case 5:
        case 6:
            change_everywhere(&f);
            break;
        default:
            f.size = (uint32_t)LLVMFuzzerMutate(data, f.size, max_size);
            if (f.size < sizeof(groat_header)) {
                return f.size;
            }
            break;
        }
    }
    if (draw(&f, 16) != 0) {
        mend_header(&f);
    }
    if (draw(&f, 2) == 0) {
        mend_buffers(&f);
    }
    return f.size;
}
