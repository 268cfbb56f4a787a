/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution of float16 with Helium: eight channels in the lanes, up to CHUNK products summed in
 * float16 (docs/NUMERICS.md).  With a depth multiplier lanes are gathered.
 */
#include "grad_f16.h"
#include "narrow_f16.h"

/* ---- Of the weights ------------------------------------------------------------------------------------- */

/* What one tap reaches: `rows` of `columns` pixels. */
typedef struct reach {
    uint32_t rows;
    uint32_t columns;
    const uint16_t *x;
    const uint16_t *dy;
    uint32_t x_column; /* from a pixel to the next, in elements */
    uint32_t dy_column;
    int32_t x_row;      /* and from behind a row's last to the next row's first */
    int32_t dy_row;
} reach;

/* With one input channel it is a convolution whose weights lie the other way round. */
static groat_conv_grad_float convolution(const groat_depthwise_grad_float *k)
{
    return (groat_conv_grad_float){
        .window = k->window,
        .channels_in = 1,
        .channels_out = k->multiplier,
        .in_stride = 1,
        .out_stride = k->multiplier,
        .alpha = k->alpha,
        .beta = k->beta,
        .scratch = k->scratch,
    };
}

static int is_convolution(const groat_depthwise_grad_float *k)
{
    return k->channels_in == 1 && k->multiplier >= HALVES / 2;
}

int groat_depthwise_weight_grad_f16_needs_mve(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    const groat_conv_grad_float same = convolution(k);
    needs->scratch_bytes = is_convolution(k) ? groat_narrow_weight_grad_bytes_f16_mve(&same) : 0;
    return 1;
}

static reach reach_of(const groat_depthwise_grad_float *k, const uint16_t *x, const uint16_t *dy, uint32_t ky,
                      uint32_t kx)
{
    const groat_window *w = k->window;
    const groat_axis down = groat_axis_h(w), across = groat_axis_w(w);
    const uint32_t channels_out = k->channels_in * k->multiplier;
    uint32_t y0, y1, x0, x1;
    groat_outputs_of_tap(&down, ky, &y0, &y1);
    groat_outputs_of_tap(&across, kx, &x0, &x1);
    reach r = {.x_column = w->stride_w * k->channels_in, .dy_column = channels_out};
    if (y0 == y1 || x0 == x1) {
        return r;
    }
    const uint32_t in_y = y0 * w->stride_h + ky * w->dilation_h - w->pad_top;
    const uint32_t in_x = x0 * w->stride_w + kx * w->dilation_w - w->pad_left;
    r.rows = y1 - y0;
    r.columns = x1 - x0;
    r.x = x + (in_y * w->in_w + in_x) * k->channels_in;
    r.dy = dy + (y0 * w->out_w + x0) * channels_out;
    r.x_row = (int32_t)(w->stride_h * w->in_w * k->channels_in - r.columns * r.x_column);
    r.dy_row = (int32_t)(w->out_w * channels_out - r.columns * r.dy_column);
    return r;
}

/* Eight channels. */
typedef struct lanes {
    mve_pred16_t all;
    uint32_t plain;   /* whether there are eight, each of which reads its own */
    uint32_t input;   /* the channel of x that the first reads, */
    uint16x8_t inputs; /* and from there, that of each */
} lanes;

static lanes lanes_of(uint32_t output, uint32_t channels_out, uint32_t multiplier)
{
    const uint32_t count = channels_out - output;
    uint16_t at[HALVES];
    for (uint32_t c = 0; c < HALVES; c++) {
        at[c] = (uint16_t)((output + c) / multiplier - output / multiplier);
    }
    return (lanes){vctp16q(count), multiplier == 1 && count >= HALVES, output / multiplier, vldrhq_u16(at)};
}

static inline float16x8_t inputs_at(const lanes *l, const uint16_t *x)
{
    return halves_of(vldrhq_gather_shifted_offset_z_u16(x, l->inputs, l->all));
}

static inline float16x8_t outputs_at(const lanes *l, const uint16_t *dy)
{
    return halves_of(vldrhq_z_u16(dy, l->all));
}

/* The same sums in float32, for lanes that are not finite. */
__attribute__((noinline)) static float32x4x2_t in_float32(const reach *r, const lanes *l, const uint16_t *x,
                                                          const uint16_t *dy, float32x4x2_t sums)
{
    float32x4x2_t wide = {{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}};
    for (uint32_t row = r->rows; row > 0; row--, x += r->x_row, dy += r->dy_row) {
        for (uint32_t c = r->columns; c > 0; c--, x += r->x_column, dy += r->dy_column) {
            const float16x8_t a = inputs_at(l, x), b = outputs_at(l, dy);
            wide.val[0] = vfmaq_f32(wide.val[0], vcvtbq_f32_f16(a), vcvtbq_f32_f16(b));
            wide.val[1] = vfmaq_f32(wide.val[1], vcvttq_f32_f16(a), vcvttq_f32_f16(b));
        }
    }
    return (float32x4x2_t){{finite_or(sums.val[0], wide.val[0]), finite_or(sums.val[1], wide.val[1])}};
}

static float32x4x2_t sum_of(const reach *r, const lanes *l, uint32_t o)
{
    const uint16_t *x = r->x + l->input, *dy = r->dy + o;
    float32x4x2_t sums = {{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}};
    float16x8_t chunk = halves_of(vdupq_n_u16(0));
    uint32_t room = CHUNK;
    for (uint32_t row = r->rows; row > 0; row--, x += r->x_row, dy += r->dy_row) {
        for (uint32_t left = r->columns; left > 0;) {
            const uint32_t some = left < room ? left : room;
            left -= some;
            room -= some;
            if (l->plain) {
                for (uint32_t i = some; i > 0; i--, x += r->x_column, dy += r->dy_column) {
                    chunk = vfmaq_f16(chunk, halves_at(x), halves_at(dy));
                }
            } else {
                for (uint32_t i = some; i > 0; i--, x += r->x_column, dy += r->dy_column) {
                    chunk = vfmaq_f16(chunk, inputs_at(l, x), outputs_at(l, dy));
                }
            }
            if (room == 0) {
                add_chunk(&sums, chunk);
                chunk = halves_of(vdupq_n_u16(0));
                room = CHUNK;
            }
        }
    }
    add_chunk(&sums, chunk);
    return all_finite(sums.val[0], sums.val[1]) ? sums : in_float32(r, l, r->x + l->input, r->dy + o, sums);
}

void groat_depthwise_weight_grad_f16_mve(const groat_depthwise_grad_float *k, const uint16_t *x, const uint16_t *dy,
                                         uint16_t *dw, float *db)
{
    const groat_window *w = k->window;
    const uint32_t channels_out = k->channels_in * k->multiplier;
    const blending b = blending_of(k->alpha, k->beta);
    if (dw && is_convolution(k)) {
        const groat_conv_grad_float same = convolution(k);
        groat_narrow_weight_grad_f16_mve(&same, x, dy, dw, k->multiplier, 1);
    } else if (dw) {
        for (uint32_t o = 0; o < channels_out; o += HALVES) {
            const lanes l = lanes_of(o, channels_out, k->multiplier);
            uint16_t *to = dw + o;
            for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
                for (uint32_t kx = 0; kx < w->kernel_w; kx++, to += channels_out) {
                    const reach r = reach_of(k, x, dy, ky, kx);
                    const float32x4x2_t sums = sum_of(&r, &l, o);
                    blend_some(&b, to, sums.val[0], sums.val[1], channels_out - o);
                }
            }
        }
    }
    if (db) {
        bias_gradient(dy, (uint32_t)w->out_h * w->out_w, channels_out, channels_out, k->alpha, k->beta, db);
    }
}

/* ---- Of the input ---------------------------------------------------------------------------------------- */

/* A tap that reaches a pixel: where its weights are, and the pixel of dy that it is of, in elements. */
typedef struct meeting {
    uint32_t w;
    uint32_t dy;
} meeting;

int groat_depthwise_input_grad_f16_needs_mve(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    needs->scratch_bytes = (uint64_t)k->window->kernel_h * k->window->kernel_w * sizeof(meeting);
    return 1;
}

/* All taps that reach a pixel; returns how many. */
static uint32_t meet(const groat_depthwise_grad_float *k, uint32_t y, uint32_t x, meeting *list)
{
    const groat_window *w = k->window;
    const groat_axis down = groat_axis_h(w), across = groat_axis_w(w);
    const uint32_t channels_out = k->channels_in * k->multiplier;
    uint32_t count = 0, out_y, out_x;
    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        if (!groat_output_of(&down, y, ky, &out_y)) {
            continue;
        }
        for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
            if (groat_output_of(&across, x, kx, &out_x)) {
                list[count++] =
                    (meeting){(ky * w->kernel_w + kx) * channels_out, (out_y * w->out_w + out_x) * channels_out};
            }
        }
    }
    return count;
}

/* Where the outputs of eight channels are: each has `multiplier`, one behind the other. */
static inline float16x8_t outputs_of(const uint16_t *from, uint16x8_t at, mve_pred16_t all)
{
    return halves_of(vldrhq_gather_shifted_offset_z_u16(from, at, all));
}

/* Eight channels of a pixel with any multiplier. */
static float32x4x2_t any_multiplier(const groat_depthwise_grad_float *k, const uint16_t *w, const uint16_t *dy,
                                    const meeting *list, uint32_t count, mve_pred16_t all, uint32_t wide)
{
    uint16_t at[HALVES];
    for (uint32_t c = 0; c < HALVES; c++) {
        at[c] = (uint16_t)(c * k->multiplier);
    }
    const uint16x8_t places = vldrhq_u16(at);
    float32x4x2_t sums = {{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}};
    float16x8_t chunk = halves_of(vdupq_n_u16(0));
    uint32_t room = CHUNK;
    for (uint32_t t = 0; t < count; t++) {
        for (uint32_t m = 0; m < k->multiplier; m++) {
            const float16x8_t a = outputs_of(w + list[t].w + m, places, all);
            const float16x8_t b = outputs_of(dy + list[t].dy + m, places, all);
            if (wide) {
                sums.val[0] = vfmaq_f32(sums.val[0], vcvtbq_f32_f16(a), vcvtbq_f32_f16(b));
                sums.val[1] = vfmaq_f32(sums.val[1], vcvttq_f32_f16(a), vcvttq_f32_f16(b));
                continue;
            }
            chunk = vfmaq_f16(chunk, a, b);
            if (--room == 0) {
                add_chunk(&sums, chunk);
                chunk = halves_of(vdupq_n_u16(0));
                room = CHUNK;
            }
        }
    }
    if (room < CHUNK) {
        add_chunk(&sums, chunk);
    }
    return sums;
}

/* The same, where the multiplier is 1, of eight channels. */
static inline float32x4x2_t eight(const uint16_t *w, const uint16_t *dy, const meeting *list, uint32_t count)
{
    float32x4x2_t sums = {{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}};
    while (count > 0) {
        const uint32_t some = count < CHUNK ? count : CHUNK;
        float16x8_t chunk = halves_of(vdupq_n_u16(0));
        for (uint32_t t = some; t > 0; t--, list++) {
            chunk = vfmaq_f16(chunk, halves_at(w + list->w), halves_at(dy + list->dy));
        }
        add_chunk(&sums, chunk);
        count -= some;
    }
    return sums;
}

void groat_depthwise_input_grad_f16_mve(const groat_depthwise_grad_float *k, const uint16_t *w, const uint16_t *dy,
                                        uint16_t *dx)
{
    meeting *list = k->scratch;
    for (uint32_t y = 0; y < k->window->in_h; y++) {
        for (uint32_t x = 0; x < k->window->in_w; x++, dx += k->channels_in) {
            const uint32_t count = meet(k, y, x, list);
            for (uint32_t i = 0; i < k->channels_in; i += HALVES) {
                const mve_pred16_t all = vctp16q(k->channels_in - i);
                const uint16_t *from_w = w + i * k->multiplier, *from_dy = dy + i * k->multiplier;
                float32x4x2_t sums = k->multiplier == 1 && k->channels_in - i >= HALVES
                                         ? eight(from_w, from_dy, list, count)
                                         : any_multiplier(k, from_w, from_dy, list, count, all, 0);
                if (!all_finite(sums.val[0], sums.val[1])) {
                    const float32x4x2_t wide = any_multiplier(k, from_w, from_dy, list, count, all, 1);
                    sums.val[0] = finite_or(sums.val[0], wide.val[0]);
                    sums.val[1] = finite_or(sums.val[1], wide.val[1]);
                }
                vstrhq_p_u16(dx + i, vreinterpretq_u16_f16(narrowed(sums.val[0], sums.val[1])), all);
            }
        }
    }
}
