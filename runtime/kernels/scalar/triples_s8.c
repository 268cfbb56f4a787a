/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of three or six pixels: packing their inputs, passes over long filters, and what became of the sums.
 */
#include <stddef.h>

#include "triples.h"

#define INLINE inline __attribute__((always_inline))
#define FIELD_MASK ((1u << FIELD_BITS) - 1)

/* How far the inputs of a window have been packed. */
typedef struct place {
    const int8_t *const *row;
    const int8_t *x;
    uint32_t taps, run; /* left in the row and in the tap */
} place;

#define PACK_THREE(i, a, b, c, to)                                           \
    do {                                                                     \
        uint32_t third = (uint32_t)c[i];                                     \
        z[(i) * words + (to)] = (uint32_t)a[i] + (third << FIELD_BITS);      \
        z[(i) * words + (to) + 1] = (uint32_t)b[i] + (third << FIELD_SHIFT); \
    } while (0)
#define PACK(i)                           \
    do {                                  \
        PACK_THREE(i, x0, x1, x2, 0);     \
        if (words == 4) {                 \
            PACK_THREE(i, x3, x4, x5, 2); \
        }                                 \
    } while (0)

/* The next `count` inputs of neighbouring pixels, three to two words. */
static INLINE void pack(const groat_conv_s8 *k, place *p, uint32_t start, const uint32_t words, uint32_t *z,
                        uint32_t count)
{
    const uint32_t stride = k->pixel_stride;
    while (count > 0) {
        if (p->run == 0) {
            if (p->taps == 0) {
                p->x = *p->row++ + start;
                p->taps = k->taps;
            } else {
                p->x += k->tap_stride - k->run;
            }
            p->taps--;
            p->run = k->run;
        }
        uint32_t n = p->run < count ? p->run : count;
        p->run -= n;
        count -= n;
        const int8_t *x0 = p->x, *x1 = x0 + stride, *x2 = x1 + stride;
        const int8_t *x3 = words == 4 ? x2 + stride : x0, *x4 = words == 4 ? x3 + stride : x0;
        const int8_t *x5 = words == 4 ? x4 + stride : x0;
        p->x += n;
        for (; n >= 4; n -= 4, x0 += 4, x1 += 4, x2 += 4, x3 += 4, x4 += 4, x5 += 4, z += 4 * words) {
            PACK(0);
            PACK(1);
            PACK(2);
            PACK(3);
        }
        for (; n > 0; n--, x0++, x1++, x2++, x3++, x4++, x5++, z += words) {
            PACK(0);
        }
    }
}

#if !GROAT_SCALAR_RISCV && !GROAT_SCALAR_ARM
/* The products of some quads, added to what was kept. */
static INLINE void products(groat_scalar_quads *q, const uint32_t words)
{
    uint32_t *a = q->kept;
    for (const groat_scalar_channel *c = q->channel; c < q->channels_end; c += QUAD) {
#if defined(__ARM_ARCH_6M__)
        /* Two words of one channel are all that fits the registers. */
        for (uint32_t i = 0; i < QUAD; i++, a += words) {
            uint32_t a0 = a[0], a1 = a[1];
            const int8_t *w = q->w + i;
            const uint32_t *z = q->z;
            for (; z != q->fours; z += 4 * words, w += 4 * LANES) {
#pragma GCC unroll 4
                for (uint32_t t = 0; t < 4; t++) {
                    const uint32_t weight = (uint32_t)w[t * LANES];
                    a0 += z[t * words] * weight;
                    a1 += z[t * words + 1] * weight;
                    __asm__ volatile("" : "+r"(a0), "+r"(a1) : : "memory"); /* else gcc mixes them, and spills */
                }
            }
            for (; z != q->end; z += words, w += LANES) {
                a0 += z[0] * (uint32_t)w[0];
                a1 += z[1] * (uint32_t)w[0];
            }
            a[0] = a0;
            a[1] = a1;
        }
#else
        for (uint32_t i = 0; i < words; i += 2) {
            uint32_t *b = a + words, *g = b + words, *d = g + words;
            uint32_t a0 = a[i], a1 = a[i + 1], b0 = b[i], b1 = b[i + 1];
            uint32_t g0 = g[i], g1 = g[i + 1], d0 = d[i], d1 = d[i + 1];
            const int8_t *w = q->w;
            for (const uint32_t *z = q->z + i, *end = q->end + i; z != end; z += words, w += LANES) {
                const uint32_t z0 = z[0], z1 = z[1];
                a0 += z0 * (uint32_t)w[0];
                a1 += z1 * (uint32_t)w[0];
                b0 += z0 * (uint32_t)w[1];
                b1 += z1 * (uint32_t)w[1];
                g0 += z0 * (uint32_t)w[2];
                g1 += z1 * (uint32_t)w[2];
                d0 += z0 * (uint32_t)w[3];
                d1 += z1 * (uint32_t)w[3];
            }
            a[i] = a0;
            a[i + 1] = a1;
            b[i] = b0;
            b[i + 1] = b1;
            g[i] = g0;
            g[i + 1] = g1;
            d[i] = d0;
            d[i + 1] = d1;
        }
        a += QUAD * words;
#endif
        q->w += q->step;
        q->step = q->steps - q->step;
    }
}
#endif

static INLINE void compute(groat_scalar_quads *q, const uint32_t words)
{
#if GROAT_SCALAR_ARM || GROAT_SCALAR_RISCV
    if (words == 2) {
        groat_scalar_quads_of_three(q);
        return;
    }
#endif
#if GROAT_SCALAR_RISCV
    groat_scalar_quads_of_six(q);
#elif !GROAT_SCALAR_ARM
    products(q, words);
#endif
}

/* Each field holds MIDDLE. */
static INLINE void begin(uint32_t *kept, uint32_t channels, const uint32_t words)
{
    const uint32_t first = MIDDLE, second = MIDDLE + (MIDDLE << FIELD_SHIFT);
    for (const uint32_t *end = kept + channels * words; kept != end; kept += 4) {
        kept[0] = kept[2] = first;
        kept[1] = kept[3] = second;
    }
}

/* Three sums, each with MIDDLE added, from two words. */
static INLINE void unpack(const uint32_t *kept, uint32_t *a, uint32_t *b, uint32_t *c)
{
    uint32_t low = kept[0] >> FIELD_BITS;
    uint32_t second = kept[1] - (low << FIELD_SHIFT);
    *a = kept[0] & FIELD_MASK;
    *b = second & FIELD_MASK;
    *c = low + (second >> FIELD_BITS << (32 - FIELD_BITS));
}

/* What became of the sums of some channels is added to their totals. */
static INLINE void add_up(const uint32_t *kept, uint32_t *totals, int first, uint32_t channels, const uint32_t words)
{
    const uint32_t *end = kept + channels * words;
    for (; kept != end; kept += 2, totals += 3) {
        uint32_t a, b, c;
        unpack(kept, &a, &b, &c);
        totals[0] = first ? a : totals[0] + a;
        totals[1] = first ? b : totals[1] + b;
        totals[2] = first ? c : totals[2] + c;
    }
}

/* The sums of some channels, with their totals unless those are null, become outputs; `middles` is in each. */
static INLINE void finish(const groat_conv_s8 *k, const groat_scalar_channel *c, const groat_scalar_channel *end,
                          const uint32_t *kept, const uint32_t *totals, uint32_t middles, const uint32_t words,
                          int8_t *out)
{
    const uint32_t general = groat_scalar_is_simple(k) ? 0 : GROAT_SCALAR_GENERAL, stride = k->out_stride;
    groat_scalar_scaling s = {.low = k->act_min, .high = k->act_max, .rectified = k->act_min == k->output_zero_point};
    for (; c < end; c++) {
        const uint32_t bias = (uint32_t)c->bias - middles;
        int8_t *y = out + c->position;
        s.multiplier = c->multiplier;
        s.offset = c->offset;
        s.shift = c->shift;
        for (uint32_t w = 0; w < words; w += 2, kept += 2) {
            uint32_t sums[3];
            unpack(kept, &sums[0], &sums[1], &sums[2]);
            if (totals != NULL) {
                sums[0] += *totals++;
                sums[1] += *totals++;
                sums[2] += *totals++;
            }
            if (__builtin_expect((c->shift | general) < 32, 1)) {
                y[0] = (int8_t)groat_scalar_scale((int32_t)(sums[0] + bias), s);
                y += stride;
                y[0] = (int8_t)groat_scalar_scale((int32_t)(sums[1] + bias), s);
                y += stride;
                y[0] = (int8_t)groat_scalar_scale((int32_t)(sums[2] + bias), s);
                y += stride;
            } else {
                const uint32_t copies[3] = {sums[0] + bias, sums[1] + bias, sums[2] + bias};
                groat_scalar_finish(k, c, copies, 3, y);
                y += 3 * stride;
            }
        }
    }
}

/* Channels of one output each. */
static void fill(const groat_conv_s8 *k, const groat_scalar_channel *c, const groat_scalar_channel *end,
                 uint32_t pixels, int8_t *out)
{
    for (; c < end; c++) {
        int8_t *y = out + c->position;
        for (uint32_t p = 0; p < pixels; p++, y += k->out_stride) {
            *y = (int8_t)c->offset;
        }
    }
}

/* How far the channels go that need no more than what the assembly does; the others; and where they end that are
 * computed at all. */
typedef struct channels {
    const groat_scalar_channel *start, *quick_end, *end, *all_end;
} channels;

static channels channels_of(const groat_conv_s8 *k)
{
    const groat_scalar_channel *start = k->channels, *all_end = start + (k->channels_out + QUAD - 1) / QUAD * QUAD;
    const groat_scalar_channel *end = all_end;
    while (k->acc_offset == 0 && end > start && groat_scalar_all_constant(end - QUAD)) {
        end -= QUAD;
    }
    const groat_scalar_channel *quick = end;
    while (quick > start && !groat_scalar_proven(quick - 1)) {
        quick -= QUAD;
    }
    if (!GROAT_SCALAR_RISCV || !groat_scalar_is_simple(k) || !groat_scalar_passes_of(k).folds) {
        quick = start;
    }
    return (channels){start, quick, end, all_end};
}

/* One pass over some channels. */
typedef struct pass {
    const int8_t *w;
    uint32_t *kept, *totals;
    int several;    /* passes: each quad has its own of the above */
    int group_begins, group_ends, last;
    uint32_t middles;               /* what has been added to each of the totals */
} pass;

/* Quads that take more than one shift, or whose sums leave their fields: all of them, or one by one. */
static INLINE void slow_quads(const groat_conv_s8 *k, groat_scalar_quads *q, const groat_scalar_channel *first,
                              const groat_scalar_channel *c, const groat_scalar_channel *end, const pass *p,
                              const uint32_t words)
{
    const uint32_t depth = (uint32_t)groat_scalar_depth(k);
    q->begins = 0;
    q->keeps = 1;
    while (c < end) {
        const uint32_t from = (uint32_t)(c - first), count = p->several ? (uint32_t)(end - c) : QUAD;
        uint32_t *kept = p->several ? p->kept + from * words : p->kept;
        if (p->group_begins) {
            begin(kept, count, words);
        }
        q->w = p->w + from / LANES * LANES * depth + from % LANES;
        q->step = from % LANES != 0 ? q->steps - QUAD : QUAD;
        q->kept = kept;
        q->channel = c;
        q->channels_end = c += count;
        compute(q, words);
        uint32_t *totals = p->totals + from * MAX_PIXELS;
        if (p->last) {
            finish(k, c - count, c, kept, p->middles != MIDDLE ? totals : NULL, p->middles, words, q->out);
        } else if (p->group_ends) {
            add_up(kept, totals, p->middles == MIDDLE, count, words);
        }
    }
}

/* All channels of three pixels, or of six: words / 2 * 3. */
static INLINE void some_pixels(const groat_conv_s8 *k, const channels *all, const int8_t *const *rows, uint32_t start,
                               const uint32_t words, int8_t *out)
{
    const uint32_t depth = (uint32_t)groat_scalar_depth(k);
    const groat_scalar_passes passes = groat_scalar_passes_of(k);
    uint32_t *z = k->scratch;
    pass p = {.kept = z + MAX_WORDS * passes.length, .several = passes.length < depth};
    p.totals = p.kept + groat_scalar_kept(k, p.several) * MAX_WORDS;
    const uint32_t block = p.several ? GROAT_SCALAR_BLOCK : (uint32_t)(all->all_end - all->start);
    groat_scalar_quads q = {
        .z = z,
        .steps = depth * LANES,
        .low = k->act_min,
        .high = k->act_max,
        .rectified = k->act_min == k->output_zero_point,
        .out_stride = k->out_stride,
        .out = out,
    };
    for (const groat_scalar_channel *first = all->start; first < all->end; first += block) {
        const groat_scalar_channel *end = (uint32_t)(all->end - first) < block ? all->end : first + block;
        const groat_scalar_channel *quick_end = all->quick_end < end ? all->quick_end : end;
        place at = {.row = rows};
        p.w = (const int8_t *)k->weights + (uint32_t)(first - all->start) * depth;
        p.group_begins = 1;
        p.middles = MIDDLE;
        for (uint32_t done = 0, left = passes.group; done < depth;) {
            uint32_t count = depth - done < passes.length ? depth - done : passes.length;
            pack(k, &at, start, words, z, count);
            q.fours = z + count / 4 * 4 * words;
            q.end = z + count * words;
            p.last = done + count == depth;
            left -= count;
            p.group_ends = p.last || left == 0;
            if (first < quick_end) {
                q.w = p.w;
                q.step = QUAD;
                q.kept = p.kept;
                q.channel = first;
                q.channels_end = quick_end;
                q.begins = done == 0;
                q.keeps = !p.last;
                compute(&q, words);
            }
            if (quick_end < end) {
                slow_quads(k, &q, first, first < quick_end ? quick_end : first, end, &p, words);
            }
            p.w += count * LANES;
            done += count;
            p.group_begins = left == 0;
            if (left == 0) {
                p.middles += MIDDLE;
                left = passes.group;
            }
        }
    }
    fill(k, all->end, all->all_end, words / 2 * 3, out);
}

static void __attribute__((noinline)) three_pixels(const groat_conv_s8 *k, const channels *all,
                                                   const int8_t *const *rows, uint32_t start, int8_t *out)
{
    some_pixels(k, all, rows, start, 2, out);
}

#if SIX_PIXELS
static void __attribute__((noinline)) six_pixels(const groat_conv_s8 *k, const channels *all, const int8_t *const *rows,
                                                 uint32_t start, int8_t *out)
{
    some_pixels(k, all, rows, start, 4, out);
}
#endif

uint32_t groat_scalar_triples(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const channels all = channels_of(k);
    uint32_t done = 0;
#if SIX_PIXELS
    for (; pixels - done >= 6; done += 6) {
        six_pixels(k, &all, rows, done * k->pixel_stride, out + done * k->out_stride);
    }
    if (done > 0 && pixels - done >= 4) { /* cheaper to compute one or two again than to go one by one */
        done = pixels - 6;
        six_pixels(k, &all, rows, done * k->pixel_stride, out + done * k->out_stride);
        return pixels;
    }
#endif
    for (; pixels - done >= 3; done += 3) {
        three_pixels(k, &all, rows, done * k->pixel_stride, out + done * k->out_stride);
    }
    if (done > 0 && pixels - done == 2) {
        done = pixels - 3;
        three_pixels(k, &all, rows, done * k->pixel_stride, out + done * k->out_stride);
        return pixels;
    }
    return done;
}
