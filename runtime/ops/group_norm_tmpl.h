/* SPDX-License-Identifier: Apache-2.0
 *
 * Group normalisation of integers (docs/NUMERICS.md): with n elements x of a group, their sum s and the sum of their
 * squares q, an element's distance from the mean over the deviation is (n x - s) / sqrt(n q - s s), in which nothing is
 * rounded but the root and its reciprocal, once for each group.  Included for each type, which defines ELEMENT and DTYPE.
 */
#include "../kernels/requantize.h"
#include "group_norm.h"

enum {
    ELEMENTS_MAX = 1 << 15, /* of a group, so that nothing below overflows */
    FRACTION = 23, /* bits of a normal behind the point; before it are at most 8 */
    AFFINE_MAX = 1 << 24
};

static int check(const groat_call *call)
{
    const groat_group_norm *p = groat_params(call);
    const groat_groups *s = &p->sizes;
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_groups(call, s, 0, DTYPE));
    GROAT_TRY(groat_check_groups(call, s, 1, DTYPE));
    GROAT_REQUIRE((uint64_t)s->pixels * (s->channels / s->groups) <= ELEMENTS_MAX);
    GROAT_REQUIRE(p->epsilon_shift <= 30 && p->shift <= 30 && p->act_min <= p->act_max);
    GROAT_REQUIRE((ELEMENT)p->act_min == p->act_min && (ELEMENT)p->act_max == p->act_max);
    GROAT_TRY(groat_check_const(call, p->channels, (uint64_t)s->channels * sizeof(groat_affine)));
    const groat_affine *channels = groat_const(call, p->channels);
    for (uint32_t c = 0; c < s->channels; c++) {
        GROAT_REQUIRE(channels[c].gamma >= -AFFINE_MAX && channels[c].gamma <= AFFINE_MAX);
        GROAT_REQUIRE(channels[c].beta >= -AFFINE_MAX && channels[c].beta <= AFFINE_MAX);
    }
    return GROAT_OK;
}

/* The root of x rounded down, bit by bit. */
static uint32_t root_of(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit > 0; bit >>= 2) {
        const uint64_t tried = root + bit;
        root >>= 1;
        if (x >= tried) {
            x -= tried;
            root += bit;
        }
    }
    return (uint32_t)root;
}

/* 2^62 / x rounded down, of x of at least 2^31. */
static uint32_t reciprocal_of(uint32_t x)
{
    uint64_t rest = (uint64_t)1 << 31;
    uint32_t quotient = 0;
    if (rest >= x) { /* equal */
        return (uint32_t)1 << 31;
    }
    for (int i = 0; i < 31; i++) {
        rest <<= 1;
        quotient <<= 1;
        if (rest >= x) {
            rest -= x;
            quotient |= 1u;
        }
    }
    return quotient;
}

/* What normalises a group: an element's normal is ((n x - sum) * factor) >> shift, to the nearest. */
typedef struct statistics {
    int32_t count;
    int32_t sum;
    uint32_t factor;
    uint32_t shift;
} statistics;

static statistics statistics_of(const groat_group_norm *p, const ELEMENT *x)
{
    const uint32_t channels = p->sizes.channels / p->sizes.groups;
    statistics s = {.count = (int32_t)(p->sizes.pixels * channels)};
    uint64_t squares = 0;
    for (uint32_t i = 0; i < p->sizes.pixels; i++, x += p->sizes.channels) {
        for (uint32_t c = 0; c < channels; c++) {
            s.sum += x[c];
            squares += (uint32_t)(x[c] * x[c]);
        }
    }
    uint64_t spread = squares * (uint32_t)s.count - (uint64_t)((int64_t)s.sum * s.sum);
    spread += (uint64_t)p->epsilon << p->epsilon_shift;
    spread += spread == 0; /* then all elements are the mean */
    const uint32_t high = (uint32_t)(spread >> 32);
    const uint32_t zeros = high > 0 ? (uint32_t)__builtin_clz(high) : 32u + (uint32_t)__builtin_clz((uint32_t)spread);
    const uint32_t half = zeros / 2;
    s.factor = reciprocal_of(root_of(spread << (2 * half)));
    s.shift = 62 - FRACTION - half;
    return s;
}

static void normalize(const groat_group_norm *p, const statistics *s, const groat_affine *channels, const ELEMENT *x,
                      ELEMENT *y)
{
    const uint32_t count = p->sizes.channels / p->sizes.groups;
    const int64_t half = (int64_t)1 << (s->shift - 1), end = (int64_t)1 << (FRACTION + p->shift - 1);
    for (uint32_t i = 0; i < p->sizes.pixels; i++, x += p->sizes.channels, y += p->sizes.channels) {
        for (uint32_t c = 0; c < count; c++) {
            const int32_t apart = x[c] * s->count - s->sum;
            const int64_t normal = ((int64_t)apart * s->factor + half) >> s->shift;
            const int64_t offset = (int64_t)channels[c].beta * (1 << FRACTION);
            const int64_t value =
                ((int32_t)normal * (int64_t)channels[c].gamma + offset + end) >> (FRACTION + p->shift);
            const int64_t stored = value + p->output_zero_point;
            y[c] = (ELEMENT)(stored < p->act_min ? p->act_min : stored > p->act_max ? p->act_max : stored);
        }
    }
}

static void run(const groat_call *call)
{
    const groat_group_norm *p = groat_params(call);
    const groat_affine *channels = groat_const(call, p->channels);
    const uint32_t count = p->sizes.channels / p->sizes.groups;
    const ELEMENT *x = groat_in(call, 0);
    ELEMENT *y = groat_out(call, 0);
    for (uint32_t b = 0; b < p->sizes.batches; b++) {
        for (uint32_t g = 0; g < p->sizes.groups; g++) {
            const statistics s = statistics_of(p, x + g * count);
            normalize(p, &s, channels + g * count, x + g * count, y + g * count);
        }
        x += p->sizes.pixels * p->sizes.channels;
        y += p->sizes.pixels * p->sizes.channels;
    }
}
