/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of a whole image, four channels at a time: each input row is spread to planes once, with its
 * padding, and serves all rows of the filter from there.  Rows may run along either side of the image, whichever has
 * fewer blocks of outputs.
 */
#include "planes.h"

enum {
    PLANES_BYTES = 1680 /* for the planes of a strip of the image */
};

static uint32_t cost(const dsp_plan *p)
{
    uint32_t blocks = (p->along.out + SLIDE_BLOCK - 1u) / SLIDE_BLOCK;
    return p->across.out * (blocks + 2u);
}

static int choose_plan(dsp_plan *p, const groat_depthwise_image_s8 *k)
{
    const groat_window *w = k->window;
    if (k->multiplier != 1 || w->in_c < 4 || k->layout != DSP_DEPTHWISE_PLANES || w->dilation_h != 1 ||
        w->dilation_w != 1) {
        return 0;
    }
    const dsp_axis x = {w->in_w, w->out_w, w->kernel_w, w->stride_w, w->pad_left, w->in_c, w->in_c, 4};
    const dsp_axis y = {.in = w->in_h,
                        .out = w->out_h,
                        .kernel = w->kernel_h,
                        .stride = w->stride_h,
                        .pad = w->pad_top,
                        .in_step = (uint32_t)w->in_w * w->in_c,
                        .out_step = (uint32_t)w->out_w * w->in_c,
                        .tap_step = 4u * w->kernel_w};
    dsp_plan other;
    int either = groat_dsp_make_plan(p, &x, &y, PLANES_BYTES);
    if (groat_dsp_make_plan(&other, &y, &x, PLANES_BYTES) && (!either || cost(&other) < cost(p))) {
        *p = other;
        return 1;
    }
    return either;
}

static uint32_t planes_bytes(const dsp_plan *p)
{
    return p->slots * 4u * p->plane;
}

/* Words of weights for four channels. */
static uint32_t weights_words(const groat_depthwise_image_s8 *k)
{
    return (uint32_t)k->window->kernel_h * k->window->kernel_w;
}

/* Words from four channels to the next. */
static uint32_t stream_words(const groat_depthwise_image_s8 *k)
{
    return weights_words(k) + 4u * sizeof(dsp_channel) / 4u;
}

int groat_depthwise_image_s8_needs_dsp(const groat_depthwise_image_s8 *k, groat_needs *needs)
{
    dsp_plan p;
    if (!choose_plan(&p, k)) {
        return 0;
    }
    needs->weights_bytes = ((uint64_t)k->window->in_c + 3u) / 4u * stream_words(k) * 4u;
    needs->channels_bytes = 0;
    needs->scratch_bytes = planes_bytes(&p) + 16u * p.record_words;
    return 1;
}

/* A strip of the image: `count` outputs of each row, whose inputs from `first` to before `end` exist. */
typedef struct strip {
    const int8_t *in;       /* of the first input that exists */
    int8_t *out;
    int32_t *planes;
    const int32_t *records;
    uint32_t count;
    uint32_t first;
    uint32_t end;
} strip;

/* Four channels whose requantisation has no short way: any weights and constants. */
__attribute__((noinline)) static void any_row(const groat_depthwise_image_s8 *k, const dsp_plan *p, const strip *s,
                                              const int32_t *stream, uint32_t phase, uint32_t slot, int8_t *out)
{
    const dsp_channel *channels = (const dsp_channel *)(stream + weights_words(k));
    for (uint32_t c = 0; c < 4; c++) {
        for (uint32_t o = 0; o < s->count; o++) {
            uint32_t acc = 0;
            for (uint32_t r = 0; r < p->across.kernel; r++) {
                const int8_t *w = (const int8_t *)stream + c + r * p->across.tap_step;
                const dsp_half *row = (const dsp_half *)s->planes + c * p->plane / 2u;
                row += p->by_three ? (phase + r) % 3u * 2u : (slot + r) * 2u * p->plane;
                for (uint32_t t = 0; t < p->along.kernel; t++, w += p->along.tap_step) {
                    uint32_t i = o * p->along.stride + t;
                    acc += (uint32_t)(row[p->by_three ? i / 2u * 6u + i % 2u : i] * *w);
                }
            }
            out[o * p->along.out_step + c] =
                dsp_requantize(acc, &channels[c], 0, k->output_zero_point, k->act_min, k->act_max);
        }
    }
}

__attribute__((noinline)) static void run_strip(const groat_depthwise_image_s8 *k, const dsp_plan *p, const strip *s,
                                                const int32_t *stream, int8_t padding)
{
    const dsp_channel *channels = (const dsp_channel *)(stream + weights_words(k));
    const int8_t pads[4] = {padding, padding, padding, padding};
    uint32_t inputs = s->end > s->first ? s->end - s->first : 0;
    dsp_half *first_input = (dsp_half *)s->planes + s->first / 2u * (p->by_three ? 6u : 2u) + s->first % 2u;
    uint32_t top = 0;   /* the row in the first slot */
    uint32_t next = 0;  /* row to spread, counted from the padding above */
    int8_t *out = s->out;
    dsp_slide slide = {
        .x = s->planes,
        .record = s->records,
        .x_step = p->plane,
        .record_step = 4u * p->record_words,
        .out_step = p->along.out_step,
        .span = dsp_span(p, s->count),
        .rest = s->count % SLIDE_BLOCK,
        .kind = p->kind,
    };
    uint32_t phase = 0; /* `first` modulo 3 */
    uint32_t slot = 0;  /* `next` modulo 3 */
    for (uint32_t first = 0; first < p->across.out * p->across.stride; first += p->across.stride) {
        uint32_t end = first + p->across.kernel;
        if (!p->by_three) {
            if (end - top > p->slots) {
                if (next > first) {
                    groat_dsp_move_down(s->planes, s->planes + (first - top) * p->plane, (next - first) * p->plane);
                }
                top = first;
            }
            slide.x = s->planes + (first - top) * p->plane;
        }
        if (next < first) {
            next = first;
            slot = phase;
        }
        for (; next < end; next++) {
            uint32_t row = next - p->across.pad;
            const int8_t *in = row < p->across.in ? s->in + row * p->across.in_step : pads;
            uint32_t step = row < p->across.in ? p->along.in_step : 0;
            if (inputs == 0) {
                /* Nothing but padding is in this strip. */
            } else if (p->by_three) {
                groat_dsp_spread_by_three(in, step, inputs, first_input + 2u * slot, p->plane);
            } else {
                groat_dsp_spread(in, step, inputs, first_input + (next - top) * 2u * p->plane, p->plane);
            }
            slot = slot == 2u ? 0 : slot + 1u;
        }
        if ((channels->tag & DSP_ANY) != 0) {
            any_row(k, p, s, stream, phase, first - top, out);
        } else {
            slide.out = out;
            slide.rotation = phase == 0 ? 0 : 24u - 8u * phase;
            groat_dsp_slide(&slide);
        }
        out += p->across.out_step;
        phase = (phase + p->across.stride) % 3u;
    }
}

/* Where strip `s`, whose outputs start at `x`, has its inputs and outputs. */
static void place_strip(const dsp_plan *p, strip *s, uint32_t x, const int8_t *in, int8_t *out)
{
    uint32_t left = p->along.out - x;
    s->count = left < SLIDE_BLOCK * p->blocks ? left : SLIDE_BLOCK * p->blocks;
    /* Columns, counted from the padding before the image. */
    uint32_t start = x * p->along.stride;
    uint32_t end = start + (s->count - 1u) * p->along.stride + p->along.kernel;
    uint32_t image_end = p->along.pad + p->along.in;
    uint32_t first = start > p->along.pad ? start : p->along.pad;
    end = end < image_end ? end : image_end;
    s->first = first - start;
    s->end = end > start ? end - start : 0;
    s->in = in + (first - p->along.pad) * p->along.in_step;
    s->out = out + x * p->along.out_step;
}

void groat_depthwise_image_s8_dsp(const groat_depthwise_image_s8 *k, const int8_t *in, int8_t *out)
{
    dsp_plan p;
    if (!choose_plan(&p, k)) {
        return;
    }
    uint32_t channels = k->window->in_c;
    int8_t padding = (int8_t)k->padding;
    int32_t *records = k->scratch;
    strip s = {.records = records, .planes = records + 4u * p.record_words};
    int32_t filling = dsp_pair(padding, padding);
    int filled = 0;
    groat_dsp_write_steps(&p, records);
    for (uint32_t b = 0; b < k->window->batches; b++) {
        const int32_t *stream = k->weights;
        for (uint32_t c = 0; c < channels; c += 4, stream += stream_words(k)) {
            uint32_t from = c + 4u <= channels ? c : channels - 4u;
            groat_dsp_widen(&p, stream, (const dsp_channel *)(stream + weights_words(k)), records);
            for (uint32_t x = 0; x < p.along.out; x += s.count) {
                place_strip(&p, &s, x, in + from, out + from);
                /* What inputs do not replace stays from strip to strip if there is but one kind of them. */
                for (uint32_t i = 0; i < planes_bytes(&p) / 4u && !filled; i++) {
                    s.planes[i] = filling;
                }
                filled = s.count == p.along.out;
                run_strip(k, &p, &s, stream, padding);
            }
        }
        in += p.along.in * p.across.in * channels;
        out += p.along.out * p.across.out * channels;
    }
}
