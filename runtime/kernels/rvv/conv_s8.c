/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers: output channels in the lanes (tile.h, sums.h), or pixels (planes.h).
 *
 * The loops over inputs are assembly: compilers spill when all 32 registers are in use, which they are here.  Other
 * machines run the same sums in C, 16-bit wrap included.
 */
#include <riscv_vector.h>

#include "planes.h"
#include "sums.h"

/* Scratch: 32-bit sums of 64 lanes, offsets of the lanes' inputs, segments, a few pixels' inputs side by side. */
#define SUMS_BYTES (GROAT_RVV_LANES * 4)
#define OFFSETS_BYTES (4 * GROAT_RVV_LANES)
#define SEGMENT_BYTES 16u /* of a groat_rvv_segment, at most */
#define WINDOWS_BYTES 1280u

static uint64_t inputs_of(const groat_conv_s8 *k)
{
    return (uint64_t)k->rows * k->taps * k->run;
}

static uint32_t plane_inputs(const groat_conv_s8 *k)
{
    return ((uint32_t)inputs_of(k) + 3) / 4 * 4;
}

static uint32_t tile_channels(const groat_conv_s8 *k, uint32_t first)
{
    uint32_t left = k->channels_out - first;
    return left < GROAT_RVV_LANES ? left : GROAT_RVV_LANES;
}

int groat_conv_s8_needs_rvv(const groat_conv_s8 *k, groat_needs *needs)
{
    uint64_t inputs = inputs_of(k);
    if (k->layout == 0) {
        return groat_conv_s8_needs_ref(k, needs);
    }
    *needs = (groat_needs){.scratch_bytes = SUMS_BYTES + OFFSETS_BYTES};
    uint32_t kind = k->layout % 4;
    if (kind == 0 || k->layout > UINT8_MAX || inputs > UINT32_MAX / 2 || k->rows > UINT32_MAX / GROAT_RVV_SEGMENT) {
        return 0;
    }
    if (kind == LAYOUT_PLANES) {
        needs->weights_bytes = (uint64_t)plane_inputs(k) * k->channels_out;
        needs->channels_bytes = (uint64_t)k->channels_out * sizeof(groat_rvv_plane_channel);
        needs->scratch_bytes = plane_inputs(k) / 2 * GROAT_RVV_PLANE_BYTES;
        return k->layout == LAYOUT_PLANES && inputs <= GROAT_RVV_PLANE_INPUTS;
    }
    uint64_t window = 0, segments = 0;
    uint32_t full = k->channels_out / GROAT_RVV_LANES, rest = k->channels_out % GROAT_RVV_LANES;
    const uint32_t counts[2] = {full, rest > 0}, channels[2] = {GROAT_RVV_LANES, rest};
    for (uint32_t i = 0; i < 2; i++) {
        if (counts[i] > 0) {
            groat_rvv_tile t = groat_rvv_tile_of(k, channels[i]);
            uint64_t count = (uint64_t)t.runs * groat_rvv_run_segments(&t);
            needs->weights_bytes += counts[i] * groat_rvv_weights_bytes(&t);
            needs->channels_bytes += counts[i] * (uint64_t)groat_rvv_channels_bytes(&t);
            window = !t.direct && t.run > window ? t.run : window;
            segments = count > segments ? count : segments;
        }
    }
    if (window > 0 && kind == LAYOUT_PIXELS && window < WINDOWS_BYTES) {
        window = WINDOWS_BYTES;
    }
    needs->scratch_bytes += segments * SEGMENT_BYTES + window;
    return 1;
}

static int planes_valid(const groat_conv_s8 *k)
{
    const groat_rvv_plane_channel *c = k->channels;
    for (const groat_rvv_plane_channel *end = c + k->channels_out; c < end; c++) {
        if (c->multiplier < 0 || c->shift < 1 || c->shift > 31 || c->four > 1) {
            return 0;
        }
    }
    return 1;
}

/* Whether the inputs of all products behind a tile's segments lie in these; moves `weights` behind the tile. */
static int extra_valid(const groat_rvv_tile *t, const uint8_t **weights)
{
    const uint8_t *w = *weights;
    for (uint32_t r = 0; r < t->runs; r++) {
        for (uint32_t left = t->run; left > 0;) {
            uint32_t bytes = left < GROAT_RVV_SEGMENT ? left : GROAT_RVV_SEGMENT;
            w += bytes * t->channels;
            for (const uint8_t *end = w + t->extra; w != end; w += 2) {
                if (*w < GROAT_RVV_SEGMENT - bytes) {
                    return 0;
                }
            }
            left -= bytes;
        }
    }
    *weights = w;
    return 1;
}

int groat_conv_s8_check_rvv(const groat_conv_s8 *k)
{
    if (k->layout == 0) {
        return groat_conv_s8_check_ref(k);
    }
    if (k->layout == LAYOUT_PLANES) {
        return planes_valid(k);
    }
    const uint8_t *record = k->channels;
    const uint8_t *weights = k->weights;
    for (uint32_t o = 0; o < k->channels_out; o += GROAT_RVV_LANES) {
        groat_rvv_tile t = groat_rvv_tile_of(k, tile_channels(k, o));
        const groat_rvv_tile_head *head = (const void *)record;
        const int32_t *multipliers = (const int32_t *)(head + 1) + t.starts;
        uint32_t chunk = head->chunk;
        int known = chunk == 1 || chunk == 2 || chunk == 4 || (chunk == GROAT_RVV_MAX_CHUNK && t.groups == 1);
        if (!known || !groat_rvv_scales_valid(multipliers, (const int16_t *)(multipliers + t.channels), t.channels,
                                              head->general)) {
            return 0;
        }
        if (t.extra > 0 && !extra_valid(&t, &weights)) {
            return 0;
        }
        record += groat_rvv_channels_bytes(&t);
    }
    return 1;
}

/* Copies `count` runs, `from_step` bytes apart, to places `to_step` bytes apart. */
static inline void copy_runs(int8_t *to, uint32_t to_step, const int8_t *from, uint32_t from_step, uint32_t run,
                             uint32_t count)
{
    do {
        size_t vl = __riscv_vsetvl_e8m8(run);
        int8_t *t = to, *end = to + count * to_step;
        const int8_t *f = from;
        do {
            __riscv_vse8_v_i8m8(t, __riscv_vle8_v_i8m8(f, vl), vl);
            t += to_step;
            f += from_step;
        } while (t != end);
        to += vl;
        from += vl;
        run -= (uint32_t)vl;
    } while (run > 0);
}

/* The same for many short runs that lie side by side: byte by byte, each as a vector. */
static inline void copy_bytes(int8_t *to, uint32_t to_step, const int8_t *from, uint32_t run, uint32_t count)
{
    do {
        size_t vl = __riscv_vsetvl_e8m8(count);
        const int8_t *f = from, *end = from + run;
        int8_t *t = to;
        do {
            __riscv_vsse8_v_i8m8(t++, (ptrdiff_t)to_step, __riscv_vlse8_v_i8m8(f++, (ptrdiff_t)run, vl), vl);
        } while (f != end);
        to += vl * to_step;
        from += vl * run;
        count -= (uint32_t)vl;
    } while (count > 0);
}

/* The inputs of each of `count` pixels side by side, in windows of `padded` bytes.  What lies behind the inputs stays
 * as it is: its weights are zero. */
static void gather(const groat_conv_s8 *k, const groat_rvv_tile *tile, const int8_t *const *rows, uint32_t start,
                   int8_t *window, uint32_t padded, uint32_t count)
{
    uint32_t run = tile->columns ? k->tap : k->run, stride = k->pixel_stride;
    uint32_t taps = tile->columns ? k->run / k->tap : k->taps;
    uint32_t tap_stride = tile->columns ? k->tap : k->tap_stride;
    uint32_t to_row = tile->columns ? run : run * taps, to_tap = tile->columns ? run * k->rows : run;
    if (run == 0) {
        return;
    }
    for (uint32_t r = 0; r < k->rows; r++, window += to_row) {
        const int8_t *x = rows[r] + start;
        for (uint32_t t = 0; t < taps; t++) {
            copy_runs(window + t * to_tap, padded, x + t * tap_stride, stride, run, count);
        }
    }
}

/* `count` columns. */
static void gather_columns(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, int8_t *window,
                           uint32_t count)
{
    uint32_t tap = k->tap, step = k->rows * tap;
    int bytewise = 6 * tap < 5 * count; /* instructions, if one vector takes all */
    for (const int8_t *const *end = rows + k->rows; rows < end; rows++, window += tap) {
        if (bytewise) {
            copy_bytes(window, step, *rows + start, tap, count);
        } else {
            copy_runs(window, step, *rows + start, tap, tap, count);
        }
    }
}

/* Offsets of the inputs of each lane in a pair, 2 g for lanes of group g, and those of the next three pairs. */
static void fill_offsets(uint8_t *offsets, const groat_rvv_tile *t)
{
    size_t lanes = t->channels * t->groups;
    uint8_t step = (uint8_t)(2 * t->groups);
    for (size_t done = 0; done < lanes;) {
        size_t vl = __riscv_vsetvl_e8m4(lanes - done);
        vuint8m4_t lane = __riscv_vadd_vx_u8m4(__riscv_vid_v_u8m4(vl), (uint8_t)done, vl);
        vuint8m4_t group = __riscv_vdivu_vx_u8m4(lane, (uint8_t)t->channels, vl);
        vuint8m4_t offset = __riscv_vadd_vv_u8m4(group, group, vl);
        for (uint8_t *to = offsets + done, *end = offsets + OFFSETS_BYTES; to < end; to += GROAT_RVV_LANES) {
            __riscv_vse8_v_u8m4(to, offset, vl);
            offset = __riscv_vadd_vx_u8m4(offset, step, vl);
        }
        done += vl;
    }
}

static void run_planes(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_rvv_scale scale = {.zero_point = k->output_zero_point, .act_min = k->act_min, .act_max = k->act_max};
    groat_rvv_planes p = {
        .planes = k->scratch,
        .inputs = plane_inputs(k),
        .weights = k->weights,
        .channels = k->channels,
        .count = k->channels_out,
        .out_stride = k->out_stride,
    };
    /* As many lanes in each block. */
    uint32_t blocks = (pixels + GROAT_RVV_LANES - 1) / GROAT_RVV_LANES;
    uint32_t most = blocks > 0 ? (pixels + blocks - 1) / blocks : 0;
    for (uint32_t start = 0; pixels > 0;) {
        p.lanes = pixels < most ? pixels : most;
        groat_rvv_fill_planes(k, rows, start, k->scratch, p.lanes);
        groat_rvv_planes_run(&p, &scale, out);
        start += p.lanes * k->pixel_stride;
        out += p.lanes * k->out_stride;
        pixels -= p.lanes;
    }
}

/* The segments of a run of inputs. */
static groat_rvv_segment *add_segments(const groat_rvv_sums *s, const int8_t *x, groat_rvv_segment *to)
{
    const groat_rvv_tile *t = &s->tile;
    for (uint32_t left = t->run; left > 0; to++) {
        uint32_t bytes = left < GROAT_RVV_SEGMENT ? left : GROAT_RVV_SEGMENT;
        /* Rounds and groups are powers of two. */
        uint32_t round = s->chunk > GROAT_RVV_ROUND ? s->chunk : GROAT_RVV_ROUND;
        uint32_t singles = bytes & (2 * t->groups * round - 1);
        *to = (groat_rvv_segment){x, singles * t->channels, bytes * t->channels};
        x += bytes;
        left -= bytes;
    }
    return to;
}

/* Pixels `s->pixel_stride` apart. */
static void run_pixels(const groat_conv_s8 *k, groat_rvv_sums *s, int8_t *out, uint32_t pixels)
{
    if (!s->scale.general && k->acc_offset == 0) {
        groat_rvv_sum(s, 0, NULL, out, pixels);
        return;
    }
    int32_t *sums = k->scratch;
    for (uint32_t position = 0; pixels > 0; pixels--, position += s->pixel_stride, out += k->out_stride) {
        groat_rvv_sum(s, position, sums, NULL, 1);
        groat_rvv_scale_any(&s->scale, sums, k->acc_offset, out, s->tile.channels);
    }
}

/* One tile, with channels in the lanes. */
static void run_tile(const groat_conv_s8 *k, groat_rvv_sums *s, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    groat_rvv_segment *segments = (void *)((uint8_t *)k->scratch + SUMS_BYTES + OFFSETS_BYTES), *end = segments;
    s->segments = segments;
    if (s->tile.direct) {
        for (uint32_t r = 0; r < s->tile.runs; r++) {
            end = add_segments(s, rows[r], end);
        }
        s->segments_end = end;
        s->pixel_stride = k->pixel_stride;
        run_pixels(k, s, out, pixels);
        return;
    }
    uint32_t window_bytes = s->tile.run;
    int8_t *window = (int8_t *)segments + groat_rvv_run_segments(&s->tile) * SEGMENT_BYTES;
    /* Pixels share columns where they are whole columns apart, and less than a window. */
    int share = s->tile.columns && k->pixel_stride % k->tap == 0 && k->pixel_stride < k->run;
    uint32_t most = 1;
    s->pixel_stride = share ? k->pixel_stride * k->rows : window_bytes;
    if (k->layout % 4 != LAYOUT_PIXEL && window_bytes < WINDOWS_BYTES && s->pixel_stride > 0) {
        most += (WINDOWS_BYTES - window_bytes) / s->pixel_stride;
    }
    s->segments_end = add_segments(s, window, end);
    for (uint32_t start = 0; pixels > 0;) {
        uint32_t now = pixels < most ? pixels : most;
        if (share) {
            gather_columns(k, rows, start, window, ((now - 1) * k->pixel_stride + k->run) / k->tap);
        } else {
            gather(k, &s->tile, rows, start, window, window_bytes, now);
        }
        run_pixels(k, s, out, now);
        start += now * k->pixel_stride;
        out += now * k->out_stride;
        pixels -= now;
    }
}

void groat_conv_s8_rvv(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_conv_s8_ref(k, rows, out, pixels);
        return;
    }
    groat_rvv_round_to_nearest_up();
    if (k->layout == LAYOUT_PLANES) {
        run_planes(k, rows, out, pixels);
        return;
    }
    uint8_t *offsets = (uint8_t *)k->scratch + SUMS_BYTES;
    const uint8_t *record = k->channels;
    groat_rvv_sums s = {
        .scale = {.zero_point = k->output_zero_point, .act_min = k->act_min, .act_max = k->act_max},
        .weights = k->weights,
        .out_stride = k->out_stride,
        .offsets = offsets,
    };
    for (uint32_t o = 0; o < k->channels_out; o += GROAT_RVV_LANES) {
        const groat_rvv_tile_head *head = (const void *)record;
        s.tile = groat_rvv_tile_of(k, tile_channels(k, o));
        s.chunk = head->chunk;
        s.start = (const int32_t *)(head + 1);
        s.scale.general = head->general;
        const int32_t *multipliers = s.start + s.tile.starts;
        s.lower =
            groat_rvv_split(&s.scale, multipliers, (const int16_t *)(multipliers + s.tile.channels), s.tile.channels);
        if (s.tile.groups > 1) {
            fill_offsets(offsets, &s.tile);
        }
        run_tile(k, &s, rows, out + o, pixels);
        s.weights += groat_rvv_weights_bytes(&s.tile);
        record += groat_rvv_channels_bytes(&s.tile);
    }
}
