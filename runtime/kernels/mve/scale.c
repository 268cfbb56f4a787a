/* SPDX-License-Identifier: Apache-2.0
 *
 * From sums to outputs, sixteen channels of one or two pixels at a time; both convolutions end so.
 */
#include "pairs.h"
#include "vectors.h"

int groat_quads_valid_mve(const groat_quad *quads, uint32_t count, uint32_t layout)
{
    int32_t highest = layout == LAYOUT_DOWN ? -1 : layout == LAYOUT_GENERAL ? 30 : 0;
    for (const groat_quad *q = quads; q < quads + count; q++) {
        for (uint32_t i = 0; i < 4; i++) {
            if (q->multiplier[i] < 0 || q->shift[i] < -31 || q->shift[i] > highest) {
                return 0;
            }
        }
    }
    return 1;
}

/* The sums of one or two pixels; those of the second lie behind the first's. */
typedef struct source {
    const int32_t *sums;
    int32_t at;             /* the next quad's */
    int32_t step;           /* from a quad to the next */
    const groat_quad *quads;
} source;

/* Two quads of each pixel become eight 16-bit numbers. */
static INLINE void two_quads(const groat_scaling *s, source *from, int16x8_t *first, int16x8_t *second, uint32_t pixels,
                             uint32_t kind)
{
    const int32_t *x = from->sums + from->at, *y = x + from->step;
    const groat_quad *q = from->quads;
    int32x4_t multiplier = vldrwq_s32(q[0].multiplier), shift = vldrwq_s32(q[0].shift);
    int32x4_t a = requantize(vldrwq_s32(x), multiplier, shift, s, kind), b = a;
    if (pixels == 2) {
        b = requantize(vldrwq_s32(x + 4), multiplier, shift, s, kind);
    }
    multiplier = vldrwq_s32(q[1].multiplier);
    shift = vldrwq_s32(q[1].shift);
    *first = join(a, requantize(vldrwq_s32(y), multiplier, shift, s, kind), kind);
    if (pixels == 2) {
        *second = join(b, requantize(vldrwq_s32(y + 4), multiplier, shift, s, kind), kind);
    }
    from->at += 2 * from->step;
    from->quads = q + 2;
}

static INLINE void sixteen(const groat_scaling *s, source *from, int8x16_t *first, int8x16_t *second, uint32_t pixels,
                           uint32_t kind)
{
    int16x8_t a, b, c, d;
    two_quads(s, from, &a, &b, pixels, kind);
    two_quads(s, from, &c, &d, pixels, kind);
    *first = finish(a, c, s, kind);
    if (pixels == 2) {
        *second = finish(b, d, s, kind);
    }
}

/* Sixteen channels or less. */
static INLINE void scale_some(const groat_scaling *s, source *from, uint32_t channels, int8_t *first, int8_t *second,
                              uint32_t pixels, uint32_t kind)
{
    if (channels > 12) {
        const mve_pred16_t lanes = vctp8q(channels);
        int8x16_t y, z;
        sixteen(s, from, &y, &z, pixels, kind);
        vstrbq_p_s8(first, y, lanes);
        if (pixels == 2) {
            vstrbq_p_s8(second, z, lanes);
        }
        return;
    }
    if (channels > 4) {
        const mve_pred16_t lanes = vctp16q(channels);
        int16x8_t y, z;
        two_quads(s, from, &y, &z, pixels, kind);
        vstrbq_p_s16(first, vreinterpretq_s16_s8(finish(y, y, s, kind)), lanes);
        if (pixels == 2) {
            vstrbq_p_s16(second, vreinterpretq_s16_s8(finish(z, z, s, kind)), lanes);
        }
        if (channels <= 8) {
            return;
        }
        channels -= 8;
        first += 8;
        second += 8;
    }
    const mve_pred16_t lanes = vctp32q(channels);
    const int32x4_t low = vdupq_n_s32(s->act_min), high = vdupq_n_s32(s->act_max);
    int32x4_t multiplier = vldrwq_s32(from->quads->multiplier), shift = vldrwq_s32(from->quads->shift);
    for (uint32_t p = 0; p < pixels; p++) {
        int32x4_t y = requantize(vldrwq_s32(from->sums + from->at + 4 * (int32_t)p), multiplier, shift, s, kind);
        if (kind == SCALE_BYTES) {
            y = vaddq_n_s32(y, s->zero_point);
        }
        vstrbq_p_s32(p == 0 ? first : second, vminq_s32(vmaxq_s32(y, low), high), lanes);
    }
}

static INLINE void scale_one(const groat_scaling *scaling, const int32_t *sums, const groat_quad *quads,
                             uint32_t channels, int8_t *out, uint32_t kind)
{
    const groat_scaling s = *scaling; /* a copy, which writing to `out` cannot change */
    source from = {sums, 0, 4, quads};
    int8x16_t y;
    for (uint32_t n = channels / 16; n > 0; n--, out += 16) {
        sixteen(&s, &from, &y, &y, 1, kind);
        vstrbq_s8(out, y);
    }
    if (channels % 16 != 0) {
        scale_some(&s, &from, channels % 16, out, out, 1, kind);
    }
}

void groat_scale_mve(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                     int8_t *out)
{
    switch (s->kind) {
    case SCALE_BYTES:
        scale_one(s, sums, quads, channels, out, SCALE_BYTES);
        break;
    case SCALE_GENERAL:
        scale_one(s, sums, quads, channels, out, SCALE_GENERAL);
        break;
    default: /* does no harm where less would do */
        scale_one(s, sums, quads, channels, out, SCALE_NEVER_UP);
    }
}

void groat_scale_pair_mve(pair_loop *loop, const int32_t *sums, const groat_quad *quads)
{
    int whole = quads != loop->whole_end;
    uint32_t channels = whole ? 16 : loop->channels % 16;
    source from = {sums, 8 * ((int32_t)quads_of(channels) - 1), -8, quads};
    if (loop->scaling->kind == SCALE_GENERAL) {
        scale_some(loop->scaling, &from, channels, loop->first_out, loop->second_out, 2, SCALE_GENERAL);
    } else {
        scale_some(loop->scaling, &from, channels, loop->first_out, loop->second_out, 2, SCALE_NEVER_UP);
    }
    loop->first_out += whole ? 16 : 0;
    loop->second_out += whole ? 16 : 0;
}
