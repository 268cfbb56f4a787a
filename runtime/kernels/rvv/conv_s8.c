/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers: output channels in the lanes (tile.h, sums.h), or pixels (planes.h).
 *
 * The loops over inputs are assembly: compilers spill when all 32 registers are in use, which they are here.  Other
 * machines run the same sums in C, 16-bit wrap included.
 */
#include "planes.h"
#include "sums.h"

/* Scratch: 32-bit sums of 64 lanes, offsets of the groups' inputs, a few pixels' inputs side by side. */
#define SUMS_BYTES (GROAT_RVV_LANES * 4)
#define OFFSETS_BYTES GROAT_RVV_LANES
#define WINDOWS_BYTES 2048u

/* All layouts are tiles; they differ in the scratch that the kernel may have. */
enum {
    LAYOUT_PIXEL = 1,
    LAYOUT_PIXELS = 2,
    LAYOUT_PLANES = 3
};

static uint64_t inputs_of(const groat_conv_s8 *k)
{
    return (uint64_t)k->rows * k->taps * k->run;
}

/* Pairs of inputs that planes have; even. */
static uint64_t plane_pairs(uint64_t inputs)
{
    return (inputs + 3) / 4 * 2;
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
    if (k->layout > LAYOUT_PLANES || inputs > UINT32_MAX / 2) {
        return 0;
    }
    uint64_t window = 0;
    uint32_t full = k->channels_out / GROAT_RVV_LANES, rest = k->channels_out % GROAT_RVV_LANES;
    const uint32_t counts[2] = {full, rest > 0}, channels[2] = {GROAT_RVV_LANES, rest};
    for (uint32_t i = 0; i < 2; i++) {
        if (counts[i] > 0) {
            groat_rvv_tile t = groat_rvv_tile_of(channels[i], (uint32_t)inputs);
            uint64_t padded = (uint64_t)t.pairs * t.groups * 2;
            needs->weights_bytes += counts[i] * groat_rvv_weights_bytes(&t);
            needs->channels_bytes += counts[i] * (uint64_t)groat_rvv_channels_bytes(&t);
            window = padded > window ? padded : window;
        }
    }
    if (k->rows * k->taps > 1 || window != inputs) {
        uint64_t several = k->layout == LAYOUT_PIXEL ? 0 : WINDOWS_BYTES;
        needs->scratch_bytes += window > several ? window : several;
    }
    if (k->layout == LAYOUT_PLANES) {
        uint64_t planes = plane_pairs(inputs) * GROAT_RVV_PLANE_BYTES;
        window = needs->scratch_bytes - SUMS_BYTES - OFFSETS_BYTES;
        needs->scratch_bytes += planes > window ? planes - window : 0;
        /* The weights have as many pairs; the packer decides so. */
        return k->channels_out <= GROAT_RVV_LANES && inputs <= GROAT_RVV_PLANE_INPUTS &&
               plane_pairs(inputs) * 2 * k->channels_out <= needs->weights_bytes;
    }
    return 1;
}

int groat_conv_s8_check_rvv(const groat_conv_s8 *k)
{
    if (k->layout == 0) {
        return groat_conv_s8_check_ref(k);
    }
    const uint8_t *record = k->channels;
    for (uint32_t o = 0; o < k->channels_out; o += GROAT_RVV_LANES) {
        groat_rvv_tile t = groat_rvv_tile_of(tile_channels(k, o), (uint32_t)inputs_of(k));
        const groat_rvv_tile_head *head = (const void *)record;
        const int32_t *multipliers = (const int32_t *)(head + 1) + t.starts;
        if ((head->chunk != 1 && head->chunk != 2 && head->chunk != 4) || t.pairs % head->chunk != 0 ||
            !groat_rvv_scales_valid(multipliers, (const int16_t *)(multipliers + t.channels), t.channels,
                                    head->general)) {
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

/* The inputs of each of `count` pixels side by side, in windows of `padded` bytes.  What lies behind the inputs stays
 * as it is: its weights are zero. */
static void gather(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, int8_t *window, uint32_t padded,
                   uint32_t count)
{
    const int8_t *const *end = rows + k->rows;
    uint32_t run = k->run, taps = k->taps, tap_stride = k->tap_stride, pixel_stride = k->pixel_stride;
    if (run == 0) {
        return;
    }
    for (; rows < end; rows++) {
        const int8_t *x = *rows + start;
        for (uint32_t t = taps; t > 0; t--, x += tap_stride, window += run) {
            copy_runs(window, padded, x, pixel_stride, run, count);
        }
    }
}

/* Offsets of the inputs that each lane reads first: 2 g for lanes of group g. */
static void fill_offsets(uint8_t *offsets, const groat_rvv_tile *t)
{
    size_t lanes = t->channels * t->groups;
    for (size_t done = 0; done < lanes;) {
        size_t vl = __riscv_vsetvl_e8m4(lanes - done);
        vuint8m4_t lane = __riscv_vadd_vx_u8m4(__riscv_vid_v_u8m4(vl), (uint8_t)done, vl);
        vuint8m4_t group = __riscv_vdivu_vx_u8m4(lane, (uint8_t)t->channels, vl);
        __riscv_vse8_v_u8m4(offsets + done, __riscv_vadd_vv_u8m4(group, group, vl), vl);
        done += vl;
    }
}

/* About what one pixel costs with channels in the lanes, and what a block of pixels costs with pixels in the lanes. */
static int planes_pay(const groat_conv_s8 *k, const groat_rvv_tile *t, uint32_t inputs, uint32_t pixels)
{
    uint32_t blocks = (pixels + GROAT_RVV_LANES - 1) / GROAT_RVV_LANES;
    uint32_t pairs = (uint32_t)plane_pairs(inputs);
    return blocks * (k->channels_out * (11 * pairs + 50) + 9 * inputs + 60) < pixels * (11 * t->pairs + 100);
}

static void run_planes(const groat_conv_s8 *k, const groat_rvv_sums *s, const int8_t *const *rows, int8_t *planes,
                       uint32_t inputs, int8_t *out, uint32_t pixels)
{
    groat_rvv_planes p = {
        .planes = planes,
        .pairs = (uint32_t)plane_pairs(inputs),
        .weights = s->weights,
        .channels = s->tile.channels,
        .bias = s->start,
        .out_stride = k->out_stride,
    };
    for (uint32_t start = 0; pixels > 0;) {
        p.lanes = pixels < GROAT_RVV_LANES ? pixels : GROAT_RVV_LANES;
        groat_rvv_fill_planes(k, rows, start, planes, p.lanes);
        groat_rvv_planes_run(&p, &s->scale, out);
        start += p.lanes * k->pixel_stride;
        out += p.lanes * k->out_stride;
        pixels -= p.lanes;
    }
}

/* Pixels whose inputs lie side by side, `s->pixel_stride` apart. */
static void run_pixels(const groat_conv_s8 *k, groat_rvv_sums *s, const int8_t *x, int8_t *out, uint32_t pixels)
{
    if (!s->scale.general && k->acc_offset == 0) {
        groat_rvv_sum(s, x, NULL, out, pixels);
        return;
    }
    int32_t *sums = k->scratch;
    for (; pixels > 0; pixels--, x += s->pixel_stride, out += k->out_stride) {
        groat_rvv_sum(s, x, sums, NULL, 1);
        groat_rvv_scale_any(&s->scale, sums, k->acc_offset, out, s->tile.channels);
    }
}

/* One tile, with channels in the lanes. */
static void run_tile(const groat_conv_s8 *k, groat_rvv_sums *s, const int8_t *const *rows, uint32_t inputs, int8_t *out,
                     uint32_t pixels)
{
    int8_t *window = (int8_t *)k->scratch + SUMS_BYTES + OFFSETS_BYTES;
    uint32_t padded = s->tile.pairs * s->tile.groups * 2;
    if (k->rows * k->taps == 1 && padded == inputs) {
        s->pixel_stride = k->pixel_stride;
        run_pixels(k, s, rows[0], out, pixels);
        return;
    }
    uint32_t most = k->layout == LAYOUT_PIXEL || padded > WINDOWS_BYTES ? 1 : WINDOWS_BYTES / padded;
    s->pixel_stride = padded;
    for (uint32_t start = 0; pixels > 0;) {
        uint32_t now = pixels < most ? pixels : most;
        gather(k, rows, start, window, padded, now);
        run_pixels(k, s, window, out, now);
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
    uint32_t inputs = (uint32_t)inputs_of(k);
    uint8_t *offsets = (uint8_t *)k->scratch + SUMS_BYTES;
    const uint8_t *record = k->channels;
    groat_rvv_sums s = {
        .scale = {.zero_point = k->output_zero_point, .act_min = k->act_min, .act_max = k->act_max},
        .weights = k->weights,
        .out_stride = k->out_stride,
        .offsets = offsets,
    };
    groat_rvv_round_to_nearest_up();
    for (uint32_t o = 0; o < k->channels_out; o += GROAT_RVV_LANES) {
        const groat_rvv_tile_head *head = (const void *)record;
        s.tile = groat_rvv_tile_of(tile_channels(k, o), inputs);
        s.chunk = head->chunk;
        s.start = (const int32_t *)(head + 1);
        s.scale.general = head->general;
        const int32_t *multipliers = s.start + s.tile.starts;
        s.lower =
            groat_rvv_split(&s.scale, multipliers, (const int16_t *)(multipliers + s.tile.channels), s.tile.channels);
        s.upper_start = s.start + s.lower;
        if (k->layout == LAYOUT_PLANES && !head->general && k->acc_offset == 0 &&
            planes_pay(k, &s.tile, inputs, pixels)) {
            run_planes(k, &s, rows, (int8_t *)offsets + OFFSETS_BYTES, inputs, out, pixels);
            return;
        }
        if (s.tile.groups > 1) {
            fill_offsets(offsets, &s.tile);
        }
        run_tile(k, &s, rows, inputs, out + o, pixels);
        s.weights += groat_rvv_weights_bytes(&s.tile);
        record += groat_rvv_channels_bytes(&s.tile);
    }
}
