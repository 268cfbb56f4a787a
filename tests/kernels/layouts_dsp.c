/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants as the DSP kernels read them, from the plain layout: a second, plainer writing of what
 * python/groat/pack/layouts/dsp.py does, with shortcuts wherever they are exact and every layout drawn at random.
 */
#include "checkkernel.h"

#include "../../runtime/kernels/dsp/dsp.h"
#include "harness.h"

_Static_assert(GROAT_PACKING_SELECTED == GROAT_PACKING_DSP, "link the layouts of the kernels' own packing instead");

enum {
    LIMIT = 1 << 30
};

typedef struct range {
    int64_t least;
    int64_t greatest;
} range;

/* Of the sum of `count` inputs times weights, `step` apart. */
static range sum_range(const int8_t *w, uint32_t count, uint32_t step)
{
    range sum = {0, 0};
    for (uint32_t i = 0; i < count; i++, w += step) {
        sum.least += *w > 0 ? *w * -128 : *w * 127;
        sum.greatest += *w > 0 ? *w * 127 : *w * -128;
    }
    return sum;
}

static int is_fast(const groat_channel *c, range sum, int32_t act_min, int32_t act_max)
{
    return act_min == INT8_MIN && act_max == INT8_MAX && c->shift <= -1 && c->shift >= -22 &&
           sum.least + c->bias > -LIMIT && sum.greatest + c->bias < LIMIT;
}

static dsp_channel fold(const groat_channel *c, int fast, int32_t zero_point)
{
    if (!fast) {
        return (dsp_channel){c->bias, c->multiplier, 0, c->shift & 0xff};
    }
    int32_t offset = (1 << (-c->shift - 1)) + zero_point * (1 << -c->shift);
    return (dsp_channel){2 * c->bias, c->multiplier, offset, -c->shift};
}

/* A plain channel whose shift or multiplier does not fit the record cannot be said in it: it is left invalid. */
static int representable(const groat_channel *c)
{
    return c->shift == (int8_t)c->shift;
}

/* Where byte `i` of a filter lies among its runs: whole quads come first, then what each run leaves. */
static uint32_t place(const groat_conv_s8 *k, uint32_t i)
{
    uint32_t whole = k->run / 4 * 4;
    uint32_t rest = k->run - whole;
    uint32_t tap = i / k->run;
    uint32_t at = i % k->run;
    return at < whole ? tap * whole + at : k->rows * k->taps * whole + tap * rest + (at - whole);
}

void lay_out_conv_s8(groat_conv_s8 *k)
{
    uint32_t terms = k->rows * k->taps * k->run;
    uint32_t quads = (terms + 3) / 4;
    uint32_t pairs = (k->channels_out + 1) / 2;
    const int8_t *plain = k->weights;
    const groat_channel *channels = k->channels;
    int8_t *weights = take_aligned(pairs * 8 * quads);
    dsp_channel *records = take_aligned(pairs * 2 * (uint32_t)sizeof *records);
    __builtin_memset(weights, 0, pairs * 8 * quads);
    for (uint32_t p = 0; p < pairs; p++) {
        const groat_channel *c = channels + 2 * p;
        const int8_t *w0 = plain + 2 * p * terms;
        int whole = 2 * p + 1 < k->channels_out;
        const int8_t *w1 = whole ? w0 + terms : w0;
        range s0 = sum_range(w0, terms, 1);
        range s1 = sum_range(w1, terms, 1);
        int raw = whole && s1.least >= -(1 << 23) && s1.greatest < 1 << 23;
        for (uint32_t i = 0; i < terms; i++) {
            raw = raw && 256 * w1[i] + w0[i] >= INT16_MIN;
        }
        int fast = raw && is_fast(&c[0], s0, k->act_min, k->act_max) && is_fast(&c[1], s1, k->act_min, k->act_max);
        for (uint32_t i = 0; i < terms; i++) {
            uint32_t at = place(k, i);
            int8_t *quad = weights + (p * quads + at / 4) * 8;
            if (raw) {
                int16_t both = (int16_t)(256 * w1[i] + w0[i]);
                __builtin_memcpy(quad + at % 2 * 4 + at / 2 % 2 * 2, &both, sizeof both);
            } else {
                quad[at % 4] = w0[i];
                quad[4 + at % 4] = whole ? w1[i] : 0;
            }
        }
        records[2 * p] = fold(&c[0], fast, k->output_zero_point);
        records[2 * p + 1] = whole ? fold(&c[1], fast, k->output_zero_point) : (dsp_channel){0, 0, 0, 0};
        if (!representable(&c[0]) || (whole && !representable(&c[1]))) {
            records[2 * p].multiplier = -1;
        }
        records[2 * p].tag |= (raw ? DSP_RAW : 0) | (fast ? DSP_FAST : 0);
        if (p > 0 && !fast && (records[2 * p - 2].tag & DSP_FAST) != 0) {
            records[2 * p - 1].tag |= INT32_MIN;
        }
        if (p + 1 == pairs && fast) {
            records[2 * p + 1].tag |= INT32_MIN;
        }
    }
    k->weights = weights;
    k->channels = records;
    k->layout = random_bits() % 3;
}

void lay_out_depthwise_s8(groat_depthwise_s8 *k)
{
    k->layout = 0;
    uint32_t count = k->channels_in;
    uint32_t taps = k->rows * k->taps;
    if (count == 1 && k->multiplier > 1) {
        /* The same filters, one behind the other. */
        int8_t *turned = take_aligned(taps * k->multiplier);
        for (uint32_t i = 0; i < taps * k->multiplier; i++) {
            turned[i % k->multiplier * taps + i / k->multiplier] = ((const int8_t *)k->weights)[i];
        }
        groat_conv_s8 conv = {
            .weights = turned,
            .channels = k->channels,
            .channels_out = k->multiplier,
            .rows = k->rows,
            .taps = k->taps,
            .run = 1,
            .output_zero_point = k->output_zero_point,
            .act_min = k->act_min,
            .act_max = k->act_max,
        };
        lay_out_conv_s8(&conv);
        k->weights = conv.weights;
        k->channels = conv.channels;
        k->layout = 2;
    }
    if (k->multiplier > 1 || count < 4 || random_one_in(10)) {
        return;
    }
    const int8_t *plain = k->weights;
    const groat_channel *channels = k->channels;
    uint32_t words = taps + 4u * sizeof(dsp_channel) / 4u;
    int32_t *stream = take_aligned((count + 3) / 4 * words * 4);
    dsp_channel *before = 0; /* the last of the four before, if they are fast */
    k->weights = stream;
    for (uint32_t c = 0; c < count; c += 4, stream += words) {
        uint32_t from = c + 4 <= count ? c : count - 4;
        dsp_channel *records = (dsp_channel *)(stream + taps);
        int fast = 1;
        int valid = 1;
        for (uint32_t i = from; i < from + 4; i++) {
            fast = fast && is_fast(&channels[i], sum_range(plain + i, taps, count), k->act_min, k->act_max);
            valid = valid && representable(&channels[i]);
        }
        for (uint32_t i = 0; i < 4; i++) {
            for (uint32_t t = 0; t < taps; t++) {
                ((int8_t *)stream)[4 * t + i] = plain[t * count + from + i];
            }
            records[i] = fold(&channels[from + i], fast, k->output_zero_point);
        }
        records[0].tag |= fast ? DSP_FAST : 0;
        records[0].multiplier = valid ? records[0].multiplier : -1;
        if (before != 0 && (!fast || from != c)) {
            before->tag |= INT32_MIN;
        }
        before = fast ? &records[3] : 0;
        if (fast && from != c) {
            before->tag |= INT32_MIN;
            before = 0;
        }
    }
    if (before != 0) {
        before->tag |= INT32_MIN;
    }
    k->channels = 0;
    k->layout = 1;
}
