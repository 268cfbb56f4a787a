/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples as int8, and a generator whose state is its caller's, so that a run can be repeated to the bit.
 */
#include "samples.h"
#include "../core/op.h"
#include "../kernels/half.h"
#include "../kernels/select.h"

enum {
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

/* ---- Elements ------------------------------------------------------------------------------------ */

int groat_check_samples(const groat_replay_config *config)
{
    int is_sound = config->elements > 0 && bits_of(config->scale) - 1u < INFINITY_BITS - 1u && /* positive and finite */
                   config->zero_point >= INT8_MIN && config->zero_point <= INT8_MAX;
    return is_sound ? GROAT_OK : GROAT_E_ARGUMENT;
}

int groat_is_sample(uint8_t dtype)
{
    return dtype == GROAT_INT8 || dtype == GROAT_FLOAT16 || dtype == GROAT_FLOAT32;
}

static int is_finite(uint8_t dtype, const void *sample, uint32_t index)
{
    if (dtype == GROAT_FLOAT16) {
        return (((const uint16_t *)sample)[index] & 0x7c00u) != 0x7c00u;
    }
    return (bits_of(((const float *)sample)[index]) & INFINITY_BITS) != INFINITY_BITS;
}

int groat_check_sample(const groat_replay_config *config, uint8_t dtype, const void *sample)
{
    if (!groat_is_sample(dtype)) {
        return GROAT_E_DTYPE;
    }
    for (uint32_t i = 0; dtype != GROAT_INT8 && i < config->elements; i++) {
        if (!is_finite(dtype, sample, i)) {
            return GROAT_E_NOT_FINITE;
        }
    }
    return GROAT_OK;
}

void groat_keep(const groat_replay_config *config, uint8_t dtype, const void *sample, uint32_t first, uint32_t count,
                int8_t *to)
{
    const groat_quantize_s8 k = {bits_of(config->scale), config->zero_point};
    if (dtype == GROAT_INT8) {
        memcpy(to, (const int8_t *)sample + first, count);
        return;
    }
    if (dtype == GROAT_FLOAT32) {
        groat_kernels.quantize_f32_s8(&k, (const float *)sample + first, to, count);
        return;
    }
    float chunk[CHUNK];
    for (uint32_t done = 0, some; done < count; done += some) {
        some = count - done < CHUNK ? count - done : CHUNK;
        for (uint32_t i = 0; i < some; i++) {
            chunk[i] = groat_float_of_half(((const uint16_t *)sample)[first + done + i]);
        }
        groat_kernels.quantize_f32_s8(&k, chunk, to + done, some);
    }
}

void groat_give(const groat_replay_config *config, const int8_t *from, uint8_t dtype, void *sample, uint32_t first,
                uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        float x = config->scale * (float)(from[i] - config->zero_point);
        if (dtype == GROAT_INT8) {
            ((int8_t *)sample)[first + i] = from[i];
        } else if (dtype == GROAT_FLOAT16) {
            ((uint16_t *)sample)[first + i] = groat_half_of(x);
        } else {
            ((float *)sample)[first + i] = x;
        }
    }
}

/* ---- Random numbers ------------------------------------------------------------------------------ */

/* PCG-XSH-RR with a state of 64 bits (O'Neill, 2014). */
static uint32_t random_bits(uint64_t *random)
{
    uint64_t state = *random;
    *random = state * 6364136223846793005u + 1442695040888963407u;
    uint32_t shifted = (uint32_t)((state >> 18 ^ state) >> 27), turn = (uint32_t)(state >> 59);
    return shifted >> turn | shifted << (-turn & 31);
}

uint64_t groat_random_of(uint32_t seed, uint32_t stream)
{
    uint64_t random = 0;
    random_bits(&random);
    random += (uint64_t)stream << 32 | seed;
    random_bits(&random);
    return random;
}

/* By a multiplication (Lemire, 2019). */
uint32_t groat_random_below(uint64_t *random, uint32_t bound)
{
    uint64_t product = (uint64_t)random_bits(random) * bound;
    if ((uint32_t)product < bound) {
        uint32_t unfair = -bound % bound;
        while ((uint32_t)product < unfair) {
            product = (uint64_t)random_bits(random) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}
