/* SPDX-License-Identifier: Apache-2.0
 *
 * A latent replay buffer.  The state of the generator is part of it, so that a run can be repeated to the bit.
 */
#include "../include/groat/replay.h"
#include "../core/op.h"
#include "samples.h"

enum {
    REPLAY_MAGIC = 0x59504C52 /* the bytes R L P Y */
};

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

int groat_replay_init(groat_replay *replay, uint32_t bytes, const groat_replay_config *config)
{
    if (replay == NULL || config == NULL) {
        return GROAT_E_ARGUMENT;
    }
    if ((uintptr_t)replay % sizeof(uint64_t) != 0) {
        return GROAT_E_ALIGNMENT;
    }
    GROAT_TRY(groat_check_samples(config));
    uint32_t needed = groat_replay_bytes(config->elements, config->capacity);
    if (needed == 0 || config->policy > GROAT_REPLAY_RESERVOIR) {
        return GROAT_E_ARGUMENT;
    }
    if (bytes < needed) {
        return GROAT_E_ARENA_TOO_SMALL;
    }
    memset(replay, 0, needed); /* the same samples, the same bytes */
    replay->magic = REPLAY_MAGIC;
    replay->config = *config;
    replay->random = groat_random_of(config->seed, 0);
    return GROAT_OK;
}

int groat_replay_check(const groat_replay *replay, uint32_t bytes)
{
    if (replay == NULL || (uintptr_t)replay % sizeof(uint64_t) != 0 || bytes < sizeof *replay ||
        replay->magic != REPLAY_MAGIC || groat_check_samples(&replay->config) != GROAT_OK ||
        replay->config.policy > GROAT_REPLAY_RESERVOIR) {
        return GROAT_E_REPLAY_DAMAGED;
    }
    const groat_replay_config *config = &replay->config;
    uint32_t needed = groat_replay_bytes(config->elements, config->capacity);
    if (needed == 0 || needed > bytes) {
        return GROAT_E_REPLAY_DAMAGED;
    }
    uint32_t next = config->policy == GROAT_REPLAY_RING ? replay->seen % config->capacity : 0;
    int is_sound = replay->count <= config->capacity && replay->count <= replay->seen &&
                   (replay->count == config->capacity || replay->count == replay->seen) &&
                   (replay->seen == UINT32_MAX ? replay->next < config->capacity : replay->next == next);
    return is_sound ? GROAT_OK : GROAT_E_REPLAY_DAMAGED;
}

uint32_t groat_replay_count(const groat_replay *replay)
{
    return replay->count;
}

/* ---- Choices ------------------------------------------------------------------------------------- */

int groat_replay_draw(groat_replay *replay, uint32_t *index)
{
    if (replay->count == 0) {
        return GROAT_E_REPLAY_EMPTY;
    }
    *index = groat_random_below(&replay->random, replay->count);
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
    return replay->count < capacity ? replay->count : groat_random_below(&replay->random, replay->seen);
}

/* ---- Samples ------------------------------------------------------------------------------------- */

int groat_replay_add(groat_replay *replay, uint8_t dtype, const void *sample, int32_t label)
{
    GROAT_TRY(groat_check_sample(&replay->config, dtype, sample));
    if (replay->config.policy == GROAT_REPLAY_FILL && replay->count == replay->config.capacity) {
        return GROAT_E_REPLAY_FULL;
    }
    uint32_t place = choose_place(replay);
    if (place >= replay->config.capacity) {
        return GROAT_OK;
    }
    replay->count += replay->count < replay->config.capacity;
    labels_of(replay)[place] = label;
    groat_keep(&replay->config, dtype, sample, 0, replay->config.elements, sample_at(replay, place));
    return GROAT_OK;
}

int groat_replay_get(const groat_replay *replay, uint32_t index, uint8_t dtype, void *sample, int32_t *label)
{
    if (!groat_is_sample(dtype)) {
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
    groat_give(&replay->config, sample_at(replay, place), dtype, sample, 0, replay->config.elements);
    return GROAT_OK;
}
