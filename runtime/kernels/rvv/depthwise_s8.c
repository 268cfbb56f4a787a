/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution with channels in the lanes, and the channels of neighbouring pixels beside them.
 *
 * An output row is one long array of lanes, [pixel][channel], cut into blocks of up to 64: where the filter moves by
 * one pixel, so is the input below each tap.  Elsewhere the lanes' inputs are looked up by an index, if a pixel does
 * not fill a block by itself.  Constants are repeated behind the last channel so that a block may start at any channel.
 */
#include <riscv_vector.h>

#include "passes.h"

#define LANES GROAT_RVV_PASS_LANES

/* Scratch: 32-bit sums of a block, offsets of its inputs. */
#define SUMS_BYTES (LANES * 4)
#define OFFSETS_BYTES LANES

/* How many channels' constants are there once more: enough for a block to start at any place that blocks of 64 come to. */
static uint32_t repeated(uint32_t channels)
{
    uint32_t common = channels & (0 - channels);
    return channels >= 4 * LANES || common >= LANES ? 0 : LANES - common;
}

int groat_depthwise_s8_needs_rvv(const groat_depthwise_s8 *k, groat_needs *needs)
{
    if (k->layout == 0) {
        return groat_depthwise_s8_needs_ref(k, needs);
    }
    uint64_t taps = (uint64_t)k->rows * k->taps, period = (uint64_t)k->channels_in * k->multiplier;
    period += period < 4 * LANES ? repeated((uint32_t)period) : 0;
    *needs = (groat_needs){
        .weights_bytes = taps * period,
        .channels_bytes = 4 + 4 * period + 4 * period + 2 * period,
        .scratch_bytes = SUMS_BYTES + OFFSETS_BYTES,
    };
    return k->layout == 1;
}

int groat_depthwise_s8_check_rvv(const groat_depthwise_s8 *k)
{
    if (k->layout == 0) {
        return groat_depthwise_s8_check_ref(k);
    }
    const uint32_t *general = k->channels;
    uint32_t channels = k->channels_in * k->multiplier, period = channels + repeated(channels);
    const int32_t *multipliers = (const int32_t *)(general + 1) + period;
    return groat_rvv_scales_valid(multipliers, (const int16_t *)(multipliers + period), period, *general);
}

/* Offsets of the inputs of the lanes from output channel `first` on, from that of the first. */
static void fill_offsets(const groat_depthwise_s8 *k, uint32_t first, uint8_t *offsets, uint32_t lanes)
{
    uint32_t channels = k->channels_in * k->multiplier;
    uint32_t within = first % k->multiplier;
    for (uint32_t done = 0; done < lanes;) {
        size_t vl = __riscv_vsetvl_e16m8(lanes - done);
        vuint16m8_t lane = __riscv_vadd_vx_u16m8(__riscv_vid_v_u16m8(vl), (uint16_t)done, vl);
        /* Only a block that starts at channel 0 reaches into another pixel. */
        vuint16m8_t pixel = __riscv_vmv_v_x_u16m8(0, vl);
        if (channels < lanes) {
            pixel = __riscv_vdivu_vx_u16m8(lane, (uint16_t)channels, vl);
        }
        vuint16m8_t channel = __riscv_vsub_vv_u16m8(lane, __riscv_vmul_vx_u16m8(pixel, (uint16_t)channels, vl), vl);
        channel =
            __riscv_vdivu_vx_u16m8(__riscv_vadd_vx_u16m8(channel, (uint16_t)within, vl), (uint16_t)k->multiplier, vl);
        vuint16m8_t offset = __riscv_vmul_vx_u16m8(pixel, (uint16_t)k->pixel_stride, vl);
        offset = __riscv_vadd_vv_u16m8(offset, channel, vl);
        __riscv_vse8_v_u8m4(offsets + done, __riscv_vnsrl_wx_u8m4(offset, 0, vl), vl);
        done += (uint32_t)vl;
    }
}

typedef struct depthwise_run {
    groat_rvv_pass pass;
    const int32_t *bias;
    const int32_t *multipliers;
    const int16_t *shifts;
    uint32_t channels;
    int32_t *sums;
} depthwise_run;

/* `count` blocks of as many lanes from channel `first` on. */
static void run_pass(depthwise_run *run, uint32_t position, uint32_t first, uint32_t lanes, int8_t *out, uint32_t count)
{
    groat_rvv_pass *p = &run->pass;
    p->lower = groat_rvv_split(&p->scale, run->multipliers + first, run->shifts + first, lanes);
    p->first = first;
    p->bias = run->bias + first;
    p->lanes = lanes;
    if (!p->scale.general) {
        groat_rvv_run_blocks(p, position, NULL, out, count);
        return;
    }
    for (; count > 0; count--, position += p->position_step, out += p->out_step) {
        groat_rvv_run_blocks(p, position, run->sums, out, 1);
        groat_rvv_scale_any(&p->scale, run->sums, 0, out, lanes);
    }
}

/* Lanes side by side, `count` of them.  Blocks that start with the same channel come in one pass. */
static void run_array(depthwise_run *run, int8_t *out, uint32_t count)
{
    uint32_t common = run->channels & (0 - run->channels);
    uint32_t step = run->channels * (common < LANES ? LANES / common : 1);
    run->pass.position_step = step;
    run->pass.out_step = step;
    for (uint32_t start = 0, first = 0; start < step && start < count; start += LANES) {
        uint32_t blocks = count - start >= LANES ? (count - start - LANES) / step + 1 : 0;
        uint32_t behind = start + blocks * step;
        if (blocks > 0) {
            run_pass(run, start, first, LANES, out + start, blocks);
        }
        if (behind < count) {
            run_pass(run, behind, first, count - behind, out + behind, 1);
        }
        for (first += LANES; first >= run->channels;) {
            first -= run->channels;
        }
    }
}

/* Pixels apart from each other, in slices of their channels. */
static void run_slices(depthwise_run *run, uint32_t pixel_stride, int8_t *out, uint32_t pixels)
{
    uint32_t slices = (run->channels + LANES - 1) / LANES;
    uint32_t width = (run->channels + slices - 1) / slices;
    run->pass.position_step = pixel_stride;
    run->pass.out_step = run->channels;
    for (uint32_t first = 0; first < run->channels; first += width) {
        uint32_t left = run->channels - first;
        run_pass(run, first, first, left < width ? left : width, out + first, pixels);
    }
}

/* Whether slices cost less than the array: that has fewer blocks, but a pass for each channel that one starts with. */
static int slices_pay(const groat_depthwise_s8 *k, uint32_t channels, uint32_t pixels)
{
    const uint32_t block = 60 + 8 * k->rows * k->taps, pass = 80; /* instructions, about */
    uint32_t slices = (channels + LANES - 1) / LANES, blocks = (pixels * channels + LANES - 1) / LANES;
    uint32_t common = channels & (0 - channels), starts = channels / (common < LANES ? common : LANES);
    uint32_t passes = (starts < blocks ? starts : blocks) + 1;
    return slices * (pixels * block + pass) < blocks * block + passes * pass;
}

/* Pixels of which several share a block. */
static void run_looked_up(depthwise_run *run, const groat_depthwise_s8 *k, uint8_t *offsets, int8_t *out,
                          uint32_t pixels)
{
    uint32_t most = LANES / run->channels;
    while (most > 1 && (uint64_t)(most - 1) * k->pixel_stride + k->channels_in > 256) {
        most--;
    }
    uint32_t lanes = most * run->channels;
    fill_offsets(k, 0, offsets, lanes);
    run->pass.offsets = offsets;
    run->pass.position_step = most * k->pixel_stride;
    run->pass.out_step = lanes;
    uint32_t blocks = pixels / most, left = pixels % most;
    if (blocks > 0) {
        run_pass(run, 0, 0, lanes, out, blocks);
    }
    if (left > 0) {
        run_pass(run, blocks * most * k->pixel_stride, 0, left * run->channels, out + blocks * lanes, 1);
    }
}

/* Pixels of several blocks each, with several outputs to an input channel. */
static void run_multiplied(depthwise_run *run, const groat_depthwise_s8 *k, uint8_t *offsets, int8_t *out,
                           uint32_t pixels)
{
    run->pass.offsets = offsets;
    run->pass.position_step = k->pixel_stride;
    run->pass.out_step = run->channels;
    for (uint32_t first = 0; first < run->channels; first += LANES) {
        uint32_t left = run->channels - first;
        uint32_t lanes = left < LANES ? left : LANES;
        fill_offsets(k, first, offsets, lanes);
        run_pass(run, first / k->multiplier, first, lanes, out + first, pixels);
    }
}

void groat_depthwise_s8_rvv(const groat_depthwise_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    if (k->layout == 0) {
        groat_depthwise_s8_ref(k, rows, out, pixels);
        return;
    }
    uint32_t channels = k->channels_in * k->multiplier, period = channels + repeated(channels);
    uint8_t *offsets = (uint8_t *)k->scratch + SUMS_BYTES;
    const uint32_t *general = k->channels;
    const int32_t *bias = (const int32_t *)(general + 1);
    depthwise_run run;
    run.pass.scale.zero_point = k->output_zero_point;
    run.pass.scale.act_min = k->act_min;
    run.pass.scale.act_max = k->act_max;
    run.pass.scale.general = *general;
    run.pass.rows = rows;
    run.pass.row_count = k->rows;
    run.pass.taps = k->taps;
    run.pass.tap_stride = k->tap_stride;
    run.pass.weights = k->weights;
    run.pass.weights_step = period;
    run.pass.offsets = NULL;
    run.bias = bias;
    run.multipliers = bias + period;
    run.shifts = (const int16_t *)(bias + 2 * period);
    run.channels = channels;
    run.sums = k->scratch;
    groat_rvv_round_to_nearest_up();
    if (k->multiplier == 1 && k->pixel_stride == channels && (period > channels || channels % LANES == 0) &&
        ((channels & (channels - 1)) == 0 || !slices_pay(k, channels, pixels))) {
        run_array(&run, out, pixels * channels);
    } else if (2 * channels <= LANES || (channels <= LANES && k->multiplier > 1)) {
        run_looked_up(&run, k, offsets, out, pixels);
    } else if (k->multiplier > 1) {
        run_multiplied(&run, k, offsets, out, pixels);
    } else {
        run_slices(&run, k->pixel_stride, out, pixels);
    }
}
