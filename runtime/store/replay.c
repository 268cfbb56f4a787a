/* SPDX-License-Identifier: Apache-2.0
 *
 * A latent replay buffer.  The state of the generator is part of it, so that a run can be repeated to the bit.
 */
#include "../include/groat/replay.h"
#include "../core/op.h"
#include "../kernels/half.h"
#include "../kernels/select.h"

enum {
    REPLAY_MAGIC = 0x59504C52, /* the bytes R L P Y */
    CHUNK = 64 /* elements that are converted at a time */
};

#define INFINITY_BITS 0x7f800000u

static uint32_t bits_of(float x)
{
    const union {
        float number;
        uint32_t bits;
    } both = {x};
    return both.bits;
}

/* ---- Memory -------------------------------------------------------------------------------------- */

/* The struct, labels, samples. */
uint32_t groat_replay_bytes(uint32_t elements, uint32_t capacity)
{
    uint64_t bytes = ((uint64_t)elements + sizeof(int32_t)) * capacity + sizeof(groat_replay);
    return elements > 0 && elements < UINT32_MAX - sizeof(int32_t) && capacity > 0 && bytes <= UINT32_MAX
               ? (uint32_t)bytes
               : 0;
}

static int32_t *labels_of(const groat_replay *replay)
{
    return (int32_t *)(uintptr_t)(replay + 1);
}

static int8_t *sample_at(const groat_replay *replay, uint32_t place)
{
    return (int8_t *)(labels_of(replay) + replay->config.capacity) + (size_t)place * replay->config.elements;
}

static int check_config(const groat_replay_config *config)
{
    int is_sound = groat_replay_bytes(config->elements, config->capacity) > 0 &&
                   config->policy <= GROAT_REPLAY_RESERVOIR &&
                   bits_of(config->scale) - 1u < INFINITY_BITS - 1u && /* positive and finite */
                   config->zero_point >= INT8_MIN && config->zero_point <= INT8_MAX;
    return is_sound ? GROAT_OK : GROAT_E_ARGUMENT;
}

static uint32_t random_bits(groat_replay *replay);

int groat_replay_init(groat_replay *replay, uint32_t bytes, const groat_replay_config *config)
{
    if (replay == NULL || config == NULL) {
        return GROAT_E_ARGUMENT;
    }
    if ((uintptr_t)replay % sizeof(uint64_t) != 0) {
        return GROAT_E_ALIGNMENT;
    }
    GROAT_TRY(check_config(config));
    uint32_t needed = groat_replay_bytes(config->elements, config->capacity);
    if (bytes < needed) {
        return GROAT_E_ARENA_TOO_SMALL;
    }
    memset(replay, 0, needed); /* the same samples, the same bytes */
    replay->magic = REPLAY_MAGIC;
    replay->config = *config;
    random_bits(replay);
    replay->random += config->seed;
    random_bits(replay);
    return GROAT_OK;
}

int groat_replay_check(const groat_replay *replay, uint32_t bytes)
{
    if (replay == NULL || (uintptr_t)replay % sizeof(uint64_t) != 0 || bytes < sizeof *replay ||
        replay->magic != REPLAY_MAGIC || check_config(&replay->config) != GROAT_OK) {
        return GROAT_E_REPLAY_DAMAGED;
    }
    const groat_replay_config *config = &replay->config;
    int is_ring = config->policy == GROAT_REPLAY_RING;
    uint32_t next = is_ring ? replay->seen % config->capacity : 0;
    int is_sound = groat_replay_bytes(config->elements, config->capacity) <= bytes &&
                   replay->count <= config->capacity && replay->count <= replay->seen &&
                   (replay->count == config->capacity || replay->count == replay->seen) &&
                   (replay->seen == UINT32_MAX ? replay->next < config->capacity : replay->next == next);
    return is_sound ? GROAT_OK : GROAT_E_REPLAY_DAMAGED;
}

uint32_t groat_replay_count(const groat_replay *replay)
{
    return replay->count;
}

/* ---- Choices ------------------------------------------------------------------------------------- */

/* PCG-XSH-RR with a state of 64 bits (O'Neill, 2014). */
static uint32_t random_bits(groat_replay *replay)
{
    uint64_t state = replay->random;
    replay->random = state * 6364136223846793005u + 1442695040888963407u;
    uint32_t shifted = (uint32_t)((state >> 18 ^ state) >> 27), turn = (uint32_t)(state >> 59);
    return shifted >> turn | shifted << (-turn & 31);
}

/* A number below `bound`, each with the same probability (Lemire, 2019). */
static uint32_t random_below(groat_replay *replay, uint32_t bound)
{
    uint64_t product = (uint64_t)random_bits(replay) * bound;
    if ((uint32_t)product < bound) {
        uint32_t unfair = -bound % bound;
        while ((uint32_t)product < unfair) {
            product = (uint64_t)random_bits(replay) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}

int groat_replay_draw(groat_replay *replay, uint32_t *index)
{
    if (replay->count == 0) {
        return GROAT_E_REPLAY_EMPTY;
    }
    *index = random_below(replay, replay->count);
    return GROAT_OK;
}

/* Where a further sample goes; `capacity` if nowhere. */
static uint32_t choose_place(groat_replay *replay)
{
    uint32_t capacity = replay->config.capacity;
    replay->seen += replay->seen < UINT32_MAX;
    if (replay->config.policy == GROAT_REPLAY_RING) {
        uint32_t place = replay->next;
        replay->next = place + 1 < capacity ? place + 1 : 0;
        return place;
    }
    return replay->count < capacity ? replay->count : random_below(replay, replay->seen);
}

/* ---- Samples ------------------------------------------------------------------------------------- */

static const float *as_floats(uint8_t dtype, const void *data, uint32_t first, uint32_t count, float chunk[CHUNK])
{
    if (dtype == GROAT_FLOAT32) {
        return (const float *)data + first;
    }
    for (uint32_t i = 0; i < count; i++) {
        chunk[i] = groat_float_of_half(((const uint16_t *)data)[first + i]);
    }
    return chunk;
}

static int all_finite(const float *x, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((bits_of(x[i]) & INFINITY_BITS) == INFINITY_BITS) {
            return 0;
        }
    }
    return 1;
}

/* Goes through a sample of floats; checks them if there is nothing to write to. */
static int quantize(const groat_replay *replay, uint8_t dtype, const void *sample, int8_t *to)
{
    const groat_quantize_s8 k = {bits_of(replay->config.scale), replay->config.zero_point};
    float chunk[CHUNK];
    for (uint32_t first = 0, count; first < replay->config.elements; first += count) {
        count = replay->config.elements - first;
        count = count < CHUNK ? count : CHUNK;
        const float *x = as_floats(dtype, sample, first, count, chunk);
        if (to != NULL) {
            groat_kernels.quantize_f32_s8(&k, x, to + first, count);
        } else if (!all_finite(x, count)) {
            return GROAT_E_NOT_FINITE;
        }
    }
    return GROAT_OK;
}

static int is_known(uint8_t dtype)
{
    return dtype == GROAT_INT8 || dtype == GROAT_FLOAT16 || dtype == GROAT_FLOAT32;
}

int groat_replay_add(groat_replay *replay, uint8_t dtype, const void *sample, int32_t label)
{
    if (!is_known(dtype)) {
        return GROAT_E_DTYPE;
    }
    if (dtype != GROAT_INT8) {
        GROAT_TRY(quantize(replay, dtype, sample, NULL));
    }
    if (replay->config.policy == GROAT_REPLAY_FILL && replay->count == replay->config.capacity) {
        return GROAT_E_REPLAY_FULL;
    }
    uint32_t place = choose_place(replay);
    if (place >= replay->config.capacity) {
        return GROAT_OK;
    }
    replay->count += replay->count < replay->config.capacity;
    labels_of(replay)[place] = label;
    int8_t *to = sample_at(replay, place);
    if (dtype == GROAT_INT8) {
        memcpy(to, sample, replay->config.elements);
        return GROAT_OK;
    }
    return quantize(replay, dtype, sample, to);
}

int groat_replay_get(const groat_replay *replay, uint32_t index, uint8_t dtype, void *sample, int32_t *label)
{
    if (!is_known(dtype)) {
        return GROAT_E_DTYPE;
    }
    if (index >= replay->count) {
        return GROAT_E_ARGUMENT;
    }
    uint32_t capacity = replay->config.capacity, place = index;
    if (replay->count == capacity) {
        uint32_t left = capacity - replay->next;
        place = index < left ? replay->next + index : index - left;
    }
    *label = labels_of(replay)[place];
    const int8_t *from = sample_at(replay, place);
    for (uint32_t i = 0; i < replay->config.elements; i++) {
        float x = replay->config.scale * (float)(from[i] - replay->config.zero_point);
        if (dtype == GROAT_INT8) {
            ((int8_t *)sample)[i] = from[i];
        } else if (dtype == GROAT_FLOAT16) {
            ((uint16_t *)sample)[i] = groat_half_of(x);
        } else {
            ((float *)sample)[i] = x;
        }
    }
    return GROAT_OK;
}
