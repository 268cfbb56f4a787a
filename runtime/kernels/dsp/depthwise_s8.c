/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution with the DSP extension, a row at a time, four channels at once: along planes where rows are
 * long, else pixel by pixel.  Whole images have a way of their own (depthwise_image_s8.c).
 *
 * The last four channels may overlap the ones before: they are computed twice rather than specially.
 */
#include "planes.h"

enum {
    PLANES_BYTES = 1344 /* for the planes of a strip of a row */
};

/* A filter for each output of a single channel is a convolution; its pointers and strides are for the call. */
static groat_conv_s8 dense(const groat_depthwise_s8 *k)
{
    return (groat_conv_s8){
        .weights = k->weights,
        .channels = k->channels,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = k->taps,
        .run = 1,
        .out_stride = k->multiplier,
        .output_zero_point = k->output_zero_point,
        .act_min = k->act_min,
        .act_max = k->act_max,
    };
}

static void run_dense(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_conv_s8 conv = dense(k);
    conv.tap_stride = k->tap_stride;
    conv.pixel_stride = k->pixel_stride;
    conv.scratch = k->scratch;
    if (k->tap_stride == 1 && (k->taps < 4 || k->taps % 4u == 0)) { /* packed as so many runs of one are */
        conv.run = k->taps;
        conv.taps = 1;
    }
    groat_conv_s8_dsp(&conv, rows, out, pixels);
}

/* Words of four channels in the stream. */
static uint64_t four_words(const groat_depthwise_s8 *k)
{
    return (uint64_t)k->rows * k->taps + DSP_FOUR_WORDS;
}

/* How a call goes along planes; 0 if it goes pixel by pixel. */
static int plan_row(const groat_depthwise_s8 *k, dsp_plan *p)
{
    if (k->layout != DSP_DEPTHWISE_PLANES || k->tap_stride != k->channels_in || k->pixel_stride % k->channels_in != 0) {
        return 0;
    }
    const dsp_axis x = {.out = k->pixels,
                        .kernel = k->taps,
                        .stride = k->pixel_stride / k->channels_in,
                        .in_step = k->channels_in,
                        .out_step = k->channels_in,
                        .tap_step = 4};
    const dsp_axis y = {.out = 1, .kernel = k->rows, .stride = 1, .tap_step = 4u * k->taps};
    return groat_dsp_make_plan(p, &x, &y, PLANES_BYTES);
}

/* Bytes of the planes of all rows. */
static uint32_t planes_bytes(const dsp_plan *p)
{
    return (p->by_three ? 1u : p->across.kernel) * 4u * p->plane;
}

static uint32_t planes_scratch_bytes(const groat_depthwise_s8 *k)
{
    dsp_plan p;
    return plan_row(k, &p) ? 16u * p.record_words + planes_bytes(&p) : 0;
}

int groat_depthwise_s8_needs_dsp(const groat_depthwise_s8 *k, groat_needs *needs)
{
    switch (k->layout) {
    case DSP_DEPTHWISE_PLAIN:
        return groat_depthwise_s8_needs_ref(k, needs);
    case DSP_DEPTHWISE_FOURS:
    case DSP_DEPTHWISE_PLANES:
        needs->weights_bytes = ((uint64_t)k->channels_in + 3u) / 4u * four_words(k) * 4u;
        needs->channels_bytes = 0;
        needs->scratch_bytes = planes_scratch_bytes(k);
        return k->multiplier == 1 && k->channels_in >= 4;
    case DSP_DEPTHWISE_DENSE: {
        groat_conv_s8 conv = dense(k);
        return k->channels_in == 1 && groat_conv_s8_needs_dsp(&conv, needs);
    }
    default:
        return 0;
    }
}

static int check_planes(const groat_depthwise_s8 *k, const int32_t *first, uint32_t step)
{
    for (uint32_t c = 0; c < k->channels_in; c += 4, first += step) {
        const dsp_channel *channels = (const dsp_channel *)first;
        int any = (channels->tag & DSP_ANY) != 0;
        for (uint32_t i = 0; i < 4; i++) {
            const dsp_channel *channel = &channels[i];
            /* Scaled weights fit 16 bits, and the shift goes right, or not at all. */
            int valid = dsp_scale(channel) <= 8u && (uint32_t)dsp_shift(channel) <= 31u;
            if (!(any ? dsp_channel_valid(channel, 0) : valid)) {
                return 0;
            }
        }
    }
    return 1;
}

int groat_dsp_fours_valid(const groat_depthwise_s8 *k, const int32_t *first, uint32_t step)
{
    if (k->layout == DSP_DEPTHWISE_PLANES) {
        return check_planes(k, first, step);
    }
    int in_run = 0; /* of fast fours, which nothing but its own end stops */
    for (uint32_t c = 0; c < k->channels_in; c += 4, first += step) {
        const dsp_channel *channels = (const dsp_channel *)first;
        int fast = (channels->tag & DSP_FAST) != 0;
        for (uint32_t i = 0; i < 4; i++) {
            if (!dsp_channel_valid(&channels[i], fast)) {
                return 0;
            }
        }
        /* A run goes on behind what it has done, so four channels that overlap are one of their own. */
        if (in_run && (!fast || c + 4u > k->channels_in)) {
            return 0;
        }
        in_run = fast && !dsp_ends_run(&channels[3]);
    }
    return !in_run;
}

int groat_depthwise_s8_check_dsp(const groat_depthwise_s8 *k)
{
    if (k->layout == DSP_DEPTHWISE_PLAIN) {
        return groat_depthwise_s8_check_ref(k);
    }
    if (k->layout == DSP_DEPTHWISE_DENSE) {
        groat_conv_s8 conv = dense(k);
        return groat_conv_s8_check_dsp(&conv);
    }
    return groat_dsp_fours_valid(k, (const int32_t *)k->weights + k->rows * k->taps, (uint32_t)four_words(k));
}

/* ---- Pixel by pixel ---- */

/* Four channels, with constants of either kind. */
static void any_four(const groat_depthwise_s8 *k, const dsp_pixels *b)
{
    const dsp_channel *channels = (const dsp_channel *)(b->stream + k->rows * k->taps);
    int slides = k->layout == DSP_DEPTHWISE_PLANES && (channels->tag & DSP_ANY) == 0;
    for (uint32_t p = 0; p < b->count; p++) {
        for (uint32_t i = 0; i < 4; i++) {
            const int8_t *w = (const int8_t *)b->stream + i;
            uint32_t acc = 0;
            for (uint32_t r = 0; r < k->rows; r++) {
                const int8_t *x = b->rows[r] + b->at + p * k->pixel_stride + i;
                for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += 4) {
                    acc += (uint32_t)(*x * *w);
                }
            }
            b->out[p * k->channels_in + i] =
                slides ? dsp_slide_output((acc << dsp_scale(&channels[i])) + (uint32_t)channels[i].bias,
                                          channels[i].multiplier, channels[i].offset, dsp_shift(&channels[i]))
                       : dsp_requantize(acc, &channels[i], 0, k->output_zero_point, k->act_min, k->act_max);
        }
    }
}

/* ---- Along planes ---- */

/* A row of four channels; `slide` has what is the same for all. */
static void slide_row(const groat_depthwise_s8 *k, dsp_plan *p, const dsp_pixels *b, dsp_slide *slide)
{
    int32_t *records = k->scratch;
    int32_t *planes = records + 4u * p->record_words;
    const uint32_t strip = SLIDE_BLOCK * p->blocks;
    groat_dsp_widen(p, b->stream, (const dsp_channel *)(b->stream + k->rows * k->taps), records);
    slide->out = b->out;
    for (uint32_t left = b->count, at = b->at, count; left > 0; left -= count, at += count * k->pixel_stride) {
        count = left < strip ? left : strip;
        dsp_spread spread = {
            .rows = b->rows,
            .pixel_stride = k->channels_in,
            .count = (count - 1u) * p->along.stride + k->taps,
            .to = planes,
            .plane = p->plane,
            .at = at,
            .row_step = p->by_three ? 4u : 4u * p->plane,
            .row_count = k->rows,
        };
        (p->by_three ? groat_dsp_spread_rows_by_three : groat_dsp_spread_rows)(&spread);
        slide->span = dsp_span(p, count);
        slide->rest = count % SLIDE_BLOCK;
        groat_dsp_slide(slide);
        slide->out += count * k->channels_in;
    }
}

void groat_depthwise_s8_dsp(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (k->layout == DSP_DEPTHWISE_PLAIN) {
        groat_depthwise_s8_ref(k, rows, out, pixels);
        return;
    }
    if (k->layout == DSP_DEPTHWISE_DENSE) {
        run_dense(k, rows, out, pixels);
        return;
    }
    uint32_t words = (uint32_t)four_words(k);
    dsp_pixels b = {
        .rows = rows,
        .stream = k->weights,
        .count = pixels,
        .pixel_stride = k->pixel_stride,
        .out_stride = k->channels_in,
        .tap_stride = k->tap_stride,
        .row_count = k->rows,
        .taps = k->taps,
    };
    dsp_plan p;
    dsp_slide slide;
    const int slides = plan_row(k, &p);
    if (slides) {
        groat_dsp_write_steps(&p, k->scratch);
        slide = (dsp_slide){
            .x = (int32_t *)k->scratch + 4u * p.record_words,
            .record = k->scratch,
            .x_step = p.plane,
            .record_step = 4u * p.record_words,
            .out_step = k->channels_in,
            .kind = p.kind,
        };
    }
    for (uint32_t c = 0; c < k->channels_in;) {
        const dsp_channel *last = (const dsp_channel *)(b.stream + words) - 4;
        int fast = k->layout == DSP_DEPTHWISE_FOURS && (last->tag & DSP_FAST) != 0;
        b.at = c + 4u <= k->channels_in ? c : k->channels_in - 4u;
        b.out = out + b.at;
        if (fast) {
            if (k->rows == 3 && k->taps == 3) {
                groat_dsp_depthwise3x3(&b);
            } else {
                groat_dsp_depthwise(&b);
            }
            /* What it did goes as far as the run does. */
            while (!dsp_ends_run(last + 3)) {
                last = (const dsp_channel *)((const int32_t *)last + words);
                b.stream += words;
                c += 4;
            }
        } else if (slides && (last->tag & DSP_ANY) == 0) {
            slide_row(k, &p, &b, &slide);
        } else {
            any_four(k, &b);
        }
        b.stream += words;
        c += 4;
    }
}
