/* SPDX-License-Identifier: Apache-2.0
 *
 * What replay buffers in RAM and in flash share: samples as int8, and a generator of random numbers.
 */
#ifndef GROAT_STORE_SAMPLES_H
#define GROAT_STORE_SAMPLES_H

#include "../include/groat/replay.h"

/* Elements, scale and zero point make sense; GROAT_E_ARGUMENT. */
int groat_check_samples(const groat_replay_config *config);

/* Whether samples come and go as elements of `dtype`. */
int groat_is_sample(uint8_t dtype);

/* GROAT_OK, GROAT_E_DTYPE or GROAT_E_NOT_FINITE. */
int groat_check_sample(const groat_replay_config *config, uint8_t dtype, const void *sample);

/* `count` elements of a sample from `first` on, as they are kept. */
void groat_keep(const groat_replay_config *config, uint8_t dtype, const void *sample, uint32_t first, uint32_t count,
                int8_t *to);

/* Elements as they are kept to those of a sample, from `first` on. */
void groat_give(const groat_replay_config *config, const int8_t *from, uint8_t dtype, void *sample, uint32_t first,
                uint32_t count);

/* The state of a generator; one for each pair of numbers. */
uint64_t groat_random_of(uint32_t seed, uint32_t stream);

/* A number below `bound`, which is not 0, each with the same probability. */
uint32_t groat_random_below(uint64_t *random, uint32_t bound);

#endif
