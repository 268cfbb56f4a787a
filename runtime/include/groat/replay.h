/* SPDX-License-Identifier: Apache-2.0
 *
 * A latent replay buffer: activations of earlier samples at the point up to which a network is frozen, as int8, to train
 * on beside new ones so that what was learnt before is not forgotten.
 *
 *     static _Alignas(16) uint8_t memory[...];
 *     const groat_replay_config config = {elements, capacity, GROAT_REPLAY_RESERVOIR, seed, scale, zero_point};
 *     groat_replay *replay = memory;
 *     int status = groat_replay_init(replay, sizeof memory, &config);
 *     ...
 *     groat_replay_add(replay, GROAT_FLOAT32, activations, label);
 *     ...
 *     if (groat_replay_draw(replay, &index) == GROAT_OK) {
 *         groat_replay_get(replay, index, GROAT_FLOAT32, activations, &label);
 *     }
 *
 * The buffer is all that its memory holds, without addresses: it may be committed to flash as parameters are (store.h),
 * and is checked with groat_replay_check when it comes back.
 */
#ifndef GROAT_REPLAY_H
#define GROAT_REPLAY_H

#include "flash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a buffer does when it is full. */
enum groat_replay_policy {
    GROAT_REPLAY_FILL = 0,      /* refuses further samples */
    GROAT_REPLAY_RING = 1,      /* forgets the oldest one */
    GROAT_REPLAY_RESERVOIR = 2  /* keeps each sample that was ever added with the same probability (Vitter, 1985) */
};

typedef struct groat_replay_config {
    uint32_t elements;          /* of one sample */
    uint32_t capacity;          /* samples */
    uint32_t policy;            /* enum groat_replay_policy */
    uint32_t seed;              /* of the generator; the same seed gives the same choices */
    float scale;                /* of the int8 values: real = scale * (stored - zero_point) */
    int32_t zero_point;
} groat_replay_config;

/* A buffer: this, then its labels and samples.  Fields are private: read them through the functions below. */
typedef struct groat_replay {
    uint32_t magic;
    uint32_t count;             /* samples that are there */
    uint32_t seen;              /* samples that were ever added; stops at the largest number */
    uint32_t next;              /* of a ring: where the next sample goes */
    uint64_t random;            /* state of the generator */
    groat_replay_config config;
} groat_replay;

/* Memory that a buffer takes; 0 if a size is 0 or it is 4 GiB or more. */
uint32_t groat_replay_bytes(uint32_t elements, uint32_t capacity);

/* Makes an empty buffer of `bytes` bytes at `replay`, aligned to 8 bytes.  GROAT_E_ARGUMENT if the configuration makes no
 * sense: nothing to hold, an unknown policy, a scale that is not positive and finite, a zero point that is no int8;
 * GROAT_E_ARENA_TOO_SMALL if it needs more memory; GROAT_E_ALIGNMENT. */
int groat_replay_init(groat_replay *replay, uint32_t bytes, const groat_replay_config *config);

/* Whether `bytes` bytes from elsewhere, aligned to 8, are a buffer: GROAT_OK, or GROAT_E_REPLAY_DAMAGED.  The other
 * functions trust it. */
int groat_replay_check(const groat_replay *replay, uint32_t bytes);

/* How many samples there are. */
uint32_t groat_replay_count(const groat_replay *replay);

/* Offers a sample of `elements` values: GROAT_FLOAT32 and GROAT_FLOAT16 are quantised, rounded half away from zero and
 * saturated; GROAT_INT8 are stored as they are.  GROAT_OK also where a reservoir decides not to keep it.
 * GROAT_E_REPLAY_FULL, GROAT_E_DTYPE, and GROAT_E_NOT_FINITE if a value is infinite or no number, change nothing. */
int groat_replay_add(groat_replay *replay, uint8_t dtype, const void *sample, int32_t label);

/* Copies a sample to `sample`, as elements of `dtype`, and its label.  Of a ring, and until it is full of any buffer,
 * sample 0 is the oldest.  GROAT_E_ARGUMENT if there is no such sample; GROAT_E_DTYPE. */
int groat_replay_get(const groat_replay *replay, uint32_t index, uint8_t dtype, void *sample, int32_t *label);

/* Draws one of the samples, each with the same probability.  GROAT_E_REPLAY_EMPTY if there are none. */
int groat_replay_draw(groat_replay *replay, uint32_t *index);

/* ---- In flash ------------------------------------------------------------------------------------- */

/* A buffer that lies in flash, with nothing in RAM but this struct.  Its samples are written one behind the other, each
 * once and with a checksum, and sectors are erased as they are needed again; what a cut of the power has torn is no
 * sample.  Its policy is GROAT_REPLAY_FILL, or GROAT_REPLAY_RING, which forgets a whole sector of the oldest samples at a
 * time.  Fields are private. */
typedef struct groat_replay_log {
    const groat_flash *flash;
    groat_replay_config config; /* its capacity is how many places there are */
    uint32_t model;
    uint32_t place_bytes;       /* of one sample and its record */
    uint32_t block_places;      /* samples that are forgotten together */
    uint32_t block_bytes;       /* the sectors that they lie in */
    uint32_t used;              /* all samples are in places below */
    uint32_t next;              /* place of the next sample */
    uint32_t sequence;          /* its number */
    uint32_t count;             /* samples that are there */
    uint64_t random;            /* state of the generator */
} groat_replay_log;

/* Finds the samples that are in flash.
 *
 *   model         says whose samples they are; samples of another model, size or scale are none
 *   config        its capacity is not looked at: it is what the flash has room for
 *
 * Returns GROAT_OK; GROAT_E_ARGUMENT for a configuration or flash that makes no sense; GROAT_E_STORE_SIZE if two of the
 * blocks that are erased together do not fit. */
int groat_replay_log_open(groat_replay_log *log, const groat_flash *flash, uint32_t model,
                          const groat_replay_config *config);

/* How many samples there are, and how many places for them: at most that many. */
uint32_t groat_replay_log_count(const groat_replay_log *log);
uint32_t groat_replay_log_places(const groat_replay_log *log);

/* Writes a sample, as groat_replay_add.  GROAT_E_FLASH and GROAT_E_FLASH_WORN: this one is not there, but others that
 * were not to be forgotten still are; another call tries the next place. */
int groat_replay_log_add(groat_replay_log *log, uint8_t dtype, const void *sample, int32_t label);

/* Reads the sample in a place, as groat_replay_get.  GROAT_E_REPLAY_EMPTY if there is none. */
int groat_replay_log_get(const groat_replay_log *log, uint32_t place, uint8_t dtype, void *sample, int32_t *label);

/* Draws the place of one of the samples, each with the same probability. */
int groat_replay_log_draw(groat_replay_log *log, uint32_t *place);

#ifdef __cplusplus
}
#endif

#endif
