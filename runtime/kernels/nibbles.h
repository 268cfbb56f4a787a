/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of four bits, two to a byte: what the kernels that unpack them share.
 *
 * Each set stores the nibbles in the order in which its s8 kernel wants the bytes, and unpacks them to exactly those
 * bytes.  So the arithmetic exists once, and unpacking knows no filter, only lengths.
 */
#ifndef GROAT_NIBBLES_H
#define GROAT_NIBBLES_H

#include "kernels.h"

enum {
    GROAT_NIBBLES_UNIT = 8  /* weights that groat_unpack_words unpacks at a time */
};

typedef struct groat_dense_s4 {
    const void *weights;
    const void *channels;
    uint32_t layout;                /* 0 */
    uint32_t depth;
    uint32_t channels_out;
    int32_t weights_zero_point;
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
    void *scratch;                  /* as many bytes as the kernel needs, aligned to 16 */
} groat_dense_s4;

/* What is added to every sum for a zero point of the weights: the sum of (w - z) * x is that of w * x less z times that
 * of x.  Terms of the input's zero point are in the biases. */
static inline int32_t groat_dense_offset(int32_t weights_zero_point, int32_t sum_of_inputs)
{
    return (int32_t)(0u - (uint32_t)weights_zero_point * (uint32_t)sum_of_inputs);
}

static inline int32_t groat_sum_of_inputs(const int8_t *x, uint32_t count)
{
    uint32_t total = 0;
    for (const int8_t *end = x + count; x != end; x++) {
        total += (uint32_t)*x;
    }
    return (int32_t)total;
}

/* Room for unpacked weights, such that what lies behind is aligned. */
static inline uint64_t groat_nibbles_room(uint64_t weights)
{
    return (weights + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

/* Turns what an s8 kernel needs into what it needs with `bytes` bytes of nibbles in place of its weights: the weights
 * themselves come first in its scratch. */
static inline void groat_nibbles_needs(groat_needs *needs, uint64_t bytes)
{
    needs->scratch_bytes += groat_nibbles_room(needs->weights_bytes);
    needs->weights_bytes = bytes;
}

/* The same for the unpacked weights alone. */
static inline void groat_nibbles_needs_alone(groat_needs *needs, uint64_t bytes)
{
    needs->scratch_bytes = 0;
    groat_nibbles_needs(needs, bytes);
}

/* How many bytes so many weights take where words of eight are unpacked. */
static inline uint64_t groat_nibbles_bytes(uint64_t weights)
{
    return (weights + GROAT_NIBBLES_UNIT - 1) / GROAT_NIBBLES_UNIT * (GROAT_NIBBLES_UNIT / 2);
}

/* Four weights from the nibbles of four bytes, which hold the weight plus 8. */
static inline uint32_t groat_nibbles_to_bytes(uint32_t nibbles)
{
    return ((nibbles & 0x0F0F0F0Fu) + 0x78787878u) ^ 0x80808080u;
}

/* `weights` weights, and as many more as fill a word of nibbles: the low nibbles of four bytes, then the high ones.
 * Both addresses are whole words. */
static inline void groat_unpack_words(const uint8_t *from, int8_t *to, uint32_t weights)
{
    for (const int8_t *end = to + weights; to < end; from += 4, to += GROAT_NIBBLES_UNIT) {
        uint32_t nibbles;
        __builtin_memcpy(&nibbles, __builtin_assume_aligned(from, sizeof(nibbles)), sizeof(nibbles));
        const uint32_t bytes[2] = {groat_nibbles_to_bytes(nibbles), groat_nibbles_to_bytes(nibbles >> 4)};
        __builtin_memcpy(__builtin_assume_aligned(to, sizeof(*bytes)), bytes, sizeof(bytes));
    }
}

#define GROAT_NIBBLES(type, name, arguments) type groat_##name##_ref arguments;
#include "nibbles.def"
#undef GROAT_NIBBLES

/* The functions of the set that this build selects: an op calls GROAT_NIBBLES_OF(conv_s4_needs)(…). */
#if defined(GROAT_ISA_DSP)
#define GROAT_NIBBLES_OF(name) groat_##name##_dsp
#elif defined(GROAT_ISA_MVE)
#define GROAT_NIBBLES_OF(name) groat_##name##_mve
#elif defined(GROAT_ISA_RVV)
#define GROAT_NIBBLES_OF(name) groat_##name##_rvv
#elif defined(GROAT_ISA_SCALAR)
#define GROAT_NIBBLES_OF(name) groat_##name##_scalar
#else
#define GROAT_NIBBLES_OF(name) groat_##name##_ref
#endif

#define GROAT_NIBBLES(type, name, arguments) type GROAT_NIBBLES_OF(name) arguments;
#include "nibbles.def"
#undef GROAT_NIBBLES

/* Makes `k`, whose weights have been unpacked to its scratch, a call of the s8 kernel. */
#define GROAT_NIBBLES_DONE(k, bytes)                                                  \
    do {                                                                              \
        (k)->weights = (k)->scratch;                                                  \
        (k)->scratch = (uint8_t *)(k)->scratch + (uint32_t)groat_nibbles_room(bytes); \
    } while (0)

#endif
