/* SPDX-License-Identifier: Apache-2.0
 *
 * From sums to outputs, four channels of one or two pixels at a time; both convolutions end so.
 */
#include "scale.h"
#include "vectors.h"

int groat_quads_valid_mve(const groat_quad *quads, uint32_t count, uint32_t layout)
{
    int32_t highest = layout == LAYOUT_DOWN ? -1 : layout == LAYOUT_NEVER_UP ? 0 : 30;
    for (const groat_quad *q = quads; q < quads + count; q++) {
        for (uint32_t i = 0; i < 4; i++) {
            if (q->multiplier[i] < 0 || q->shift[i] < -31 || q->shift[i] > highest) {
                return 0;
            }
        }
    }
    return 1;
}

/* One pixel. */
static inline void scale_one(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                             int8_t *out, uint32_t kind)
{
    const int32x4_t low = vdupq_n_s32(s->act_min), high = vdupq_n_s32(s->act_max);
    const int32_t zero_point = s->zero_point;
    for (int32_t left = (int32_t)channels; left > 0; left -= 4, sums += 4, quads++, out += 4) {
        mve_pred16_t lanes = vctp32q((uint32_t)left);
        int32x4_t multiplier = vldrwq_s32(quads->multiplier), shift = vldrwq_s32(quads->shift);
        int32x4_t y = requantize(vldrwq_s32(sums), multiplier, shift, kind);
        vstrbq_p_s32(out, finish(y, zero_point, low, high), lanes);
    }
}

void groat_scale_mve(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                     int8_t *out)
{
    switch (s->kind) {
    case LAYOUT_RECTIFIED:
        scale_one(s, sums, quads, channels, out, LAYOUT_RECTIFIED);
        break;
    case LAYOUT_DOWN:
        scale_one(s, sums, quads, channels, out, LAYOUT_DOWN);
        break;
    case LAYOUT_NEVER_UP:
        scale_one(s, sums, quads, channels, out, LAYOUT_NEVER_UP);
        break;
    default:
        scale_one(s, sums, quads, channels, out, LAYOUT_GENERAL);
    }
}

static inline void scale_pairs(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                               int8_t *out, uint32_t out_stride, uint32_t pairs, uint32_t kind)
{
    const int32x4_t low = vdupq_n_s32(s->act_min), high = vdupq_n_s32(s->act_max);
    const int32_t zero_point = s->zero_point;
    for (; pairs > 0; pairs--, out += 2 * out_stride) {
        const groat_quad *q = quads;
        int8_t *first = out, *second = out + out_stride;
        for (int32_t left = (int32_t)channels; left > 0; left -= 4, sums += 8, q++, first += 4, second += 4) {
            mve_pred16_t lanes = vctp32q((uint32_t)left);
            int32x4_t multiplier = vldrwq_s32(q->multiplier), shift = vldrwq_s32(q->shift);
            int32x4_t y = requantize(vldrwq_s32(sums), multiplier, shift, kind);
            vstrbq_p_s32(first, finish(y, zero_point, low, high), lanes);
            y = requantize(vldrwq_s32(sums + 4), multiplier, shift, kind);
            vstrbq_p_s32(second, finish(y, zero_point, low, high), lanes);
        }
    }
}

void groat_scale_pairs_mve(const groat_scaling *s, const int32_t *sums, const groat_quad *quads, uint32_t channels,
                           int8_t *out, uint32_t out_stride, uint32_t pairs)
{
    switch (s->kind) {
    case LAYOUT_RECTIFIED:
        scale_pairs(s, sums, quads, channels, out, out_stride, pairs, LAYOUT_RECTIFIED);
        break;
    case LAYOUT_DOWN:
        scale_pairs(s, sums, quads, channels, out, out_stride, pairs, LAYOUT_DOWN);
        break;
    case LAYOUT_NEVER_UP:
        scale_pairs(s, sums, quads, channels, out, out_stride, pairs, LAYOUT_NEVER_UP);
        break;
    default:
        scale_pairs(s, sums, quads, channels, out, out_stride, pairs, LAYOUT_GENERAL);
    }
}
