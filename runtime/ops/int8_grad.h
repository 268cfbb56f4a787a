/* SPDX-License-Identifier: Apache-2.0
 *
 * int8 tensors where gradients are floats: as real numbers, and in pieces whose floats fit the scratch.  For templates,
 * behind as_*.h.
 */
#include "float.h"
#include "loss.h"

static inline uint32_t at_most(uint32_t x, uint32_t limit)
{
    return x < limit ? x : limit;
}

static inline uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t aligned(uint64_t bytes)
{
    return (bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

/* Of `count` channels as many as take at most so many bytes, in fours, which kernels like; at least one four. */
static inline uint32_t channels_of_block(uint32_t count, uint64_t bytes_each, uint32_t bytes)
{
    const uint32_t fours = bytes_each < bytes / 4u ? (uint32_t)(bytes / bytes_each / 4u) : 1;
    return at_most(count, 4u * fours);
}

/* The scales of `count` channels lie in the file, and are positive and finite. */
static inline int check_scales(const groat_call *call, uint32_t offset, uint32_t count)
{
    GROAT_TRY(groat_check_const(call, offset, (uint64_t)count * sizeof(float)));
    const float *scales = groat_const(call, offset);
    for (uint32_t c = 0; c < count; c++) {
        GROAT_REQUIRE(scales[c] > 0.0f && groat_is_finite(scales[c]));
    }
    return GROAT_OK;
}
