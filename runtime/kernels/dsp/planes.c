/* SPDX-License-Identifier: Apache-2.0
 *
 * Where inputs and weights lie for depthwise convolutions along planes.
 */
#include "planes.h"

/* Words in a row of weights of each kind. */
static const uint8_t row_words[] = {3, 3, 5, 4, 7, 5};

/* Words that a block reads. */
static uint32_t reach(uint32_t kind)
{
    return dsp_advance(kind) + 1u + (kind >= SLIDE_3X3_BY_1 ? 0 : kind / 2u);
}

static uint32_t pairs_of(const dsp_plan *p)
{
    return p->by_three ? 2u : row_words[p->kind] - 1u;
}

int groat_dsp_make_plan(dsp_plan *p, const dsp_axis *along, const dsp_axis *across, uint32_t bytes)
{
    if (along->kernel > 7u || along->stride - 1u > 1u) {
        return 0;
    }
    p->along = *along;
    p->across = *across;
    p->kind = (along->kernel > 5u   ? SLIDE_7_BY_1
               : along->kernel > 3u ? SLIDE_5_BY_1
                                    : SLIDE_3_BY_1) +
              along->stride - 1u;
    p->record_words = 4u + across->kernel * row_words[p->kind];
    p->exact = along->kernel >= 3u && along->kernel % 2u != 0;
    p->by_three = along->kernel <= 3u && across->kernel == 3u;
    if (p->by_three) {
        p->kind += SLIDE_3X3_BY_1;
        p->record_words = 4u + 10u;
    }
    uint32_t words = bytes / 16u / across->kernel;
    uint32_t extra = reach(p->kind) - dsp_advance(p->kind);
    if (words < extra + dsp_advance(p->kind)) {
        return 0;
    }
    uint32_t blocks = (along->out + SLIDE_BLOCK - 1u) / SLIDE_BLOCK;
    uint32_t room = (words - extra) / dsp_advance(p->kind);
    uint32_t strips = (blocks + room - 1u) / room;
    p->blocks = strips > 0 ? (blocks + strips - 1u) / strips : 0; /* so that all are about as long */
    words = p->blocks * dsp_advance(p->kind) + extra;
    p->slots = bytes / 16u / words;
    p->slots = p->slots < across->kernel + 3u ? p->slots : across->kernel + 3u;
    p->plane = 4u * words;
    if (p->by_three) {
        p->plane *= 3u;
        p->slots = 1;
    }
    uint32_t pair_step = (p->by_three ? 1u : along->stride) * along->tap_step;
    p->widening = (dsp_rows){
        .tap_step = along->tap_step,
        .record_step = 4u * p->record_words,
        .pairs = pairs_of(p),
        .pair_step = pair_step,
        .row_step = across->tap_step - pairs_of(p) * pair_step,
        .to_step = p->by_three ? 0 : 4,
        .rows = across->kernel,
    };
    return 1;
}

void groat_dsp_write_steps(const dsp_plan *p, int32_t *records)
{
    for (uint32_t c = 0; c < 4 && !p->by_three; c++, records += p->record_words) {
        int32_t *to = records + 4 + pairs_of(p);
        uint32_t step = 4u * p->plane - 4u * reach(p->kind);
        for (uint32_t left = p->across.kernel; left > 0; left--, to += row_words[p->kind]) {
            if (left == 1) { /* back to the first row, a block further */
                step += 4u * dsp_advance(p->kind) - p->across.kernel * 4u * p->plane;
            }
            *to = (int32_t)step;
        }
    }
}

/* Weights of a filter that has fewer taps than its kind: the others are 0. */
static void widen_fewer(const dsp_plan *p, const int8_t *w, int32_t scale, int32_t *to)
{
    uint32_t by = p->by_three ? 1u : p->along.stride;
    for (uint32_t r = 0; r < p->across.kernel; r++, w += p->across.tap_step) {
        for (uint32_t i = 0, t = 0; i < pairs_of(p); i++, t += by) {
            int32_t low = t < p->along.kernel ? w[t * p->along.tap_step] * scale : 0;
            int32_t high = t + 1u < p->along.kernel ? w[(t + 1u) * p->along.tap_step] * scale : 0;
            *to++ = dsp_pair(low, high);
        }
        to += p->by_three ? 0 : 1;
    }
}

void groat_dsp_widen(dsp_plan *p, const int32_t *stream, const dsp_channel *channels, int32_t *records)
{
    if (p->by_three && p->exact && p->along.tap_step == 4) {
        groat_dsp_widen3x3(stream, records);
        return;
    }
    p->widening.weights = (const int8_t *)stream;
    p->widening.to = records + 4;
    groat_dsp_widen_channels(channels, records, p->widening.record_step, p->widening.scales);
    if (p->exact && !p->by_three && p->along.stride == 1 && p->along.tap_step == 4) {
        groat_dsp_widen_neighbours(&p->widening);
        return;
    }
    if (p->exact) {
        groat_dsp_widen_rows(&p->widening);
    }
    int32_t *record = records;
    for (uint32_t c = 0; c < 4 && (p->by_three || !p->exact); c++, record += p->record_words) {
        if (!p->exact) {
            widen_fewer(p, (const int8_t *)stream + c, 1 << dsp_scale(&channels[c]), record + 4);
        }
        for (uint32_t i = 4; i < 8 && p->by_three; i++) {
            record[i + 6u] = record[i];
        }
    }
}
