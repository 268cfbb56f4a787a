/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers by VMLADAVA: sixteen products to an instruction, summed into a general register.
 *
 * Only even general registers can take such a sum, so eight are kept at a time: four channels of two pixels, or
 * eight channels of a last or only pixel (tiles.h).  A window that is not one run in memory is first copied into a
 * panel, which costs two instructions for sixteen bytes and makes every filter one dot product.
 *
 * Weights, for each four channels: their four biases, then blocks of sixteen weights of each; the last block and the
 * last channels are filled with zeros, so that whatever lies behind a window in the panel counts nothing.
 */
#include "scale.h"
#include "tiles.h"
#include "vectors.h"

/* A panel holds windows of two pixels, or of more as long as that is not more than PANEL_BYTES. */
enum {
    BLOCK = 16,
    PANEL_BYTES = 1728,
    PAIRS_AT_ONCE = 12
};

static uint64_t padded_window(const groat_conv_s8 *k)
{
    return ((uint64_t)k->rows * k->taps * k->run + BLOCK - 1) / BLOCK * BLOCK;
}

int groat_conv_s8_needs_mve(const groat_conv_s8 *k, groat_needs *needs)
{
    uint64_t quads = quads_of(k->channels_out), window = padded_window(k);
    needs->weights_bytes = quads * (4 * sizeof(int32_t) + 4 * window);
    needs->channels_bytes = quads * sizeof(groat_quad);
    needs->scratch_bytes = SUMS_BYTES;
    if (k->rows != 1 || k->taps != 1 || k->run % BLOCK != 0) {
        needs->scratch_bytes += 2 * window > PANEL_BYTES ? 2 * window : PANEL_BYTES;
    }
    return k->layout < LAYOUTS;
}

int groat_conv_s8_check_mve(const groat_conv_s8 *k)
{
    return groat_quads_valid_mve(k->channels, quads_of(k->channels_out), k->layout);
}

/* Copies `bytes` bytes for each of `pixels` pixels. */
static inline void copy_run(const int8_t *from, uint32_t from_step, int8_t *to, uint32_t to_step, uint32_t bytes,
                            uint32_t pixels)
{
    for (; bytes >= 3 * BLOCK; bytes -= 3 * BLOCK, from += 3 * BLOCK, to += 3 * BLOCK) {
        const int8_t *source = from;
        int8_t *target = to;
        for (uint32_t p = 0; p < pixels; p++, source += from_step, target += to_step) {
            vstrbq_s8(target, vldrbq_s8(source));
            vstrbq_s8(target + BLOCK, vldrbq_s8(source + BLOCK));
            vstrbq_s8(target + 2 * BLOCK, vldrbq_s8(source + 2 * BLOCK));
        }
    }
    for (; bytes > 0; from += BLOCK, to += BLOCK) {
        const mve_pred16_t lanes = vctp8q(bytes);
        const int8_t *source = from;
        int8_t *target = to;
        for (uint32_t p = 0; p < pixels; p++, source += from_step, target += to_step) {
            vstrbq_p_s8(target, vldrbq_z_s8(source, lanes), lanes);
        }
        bytes -= bytes < BLOCK ? bytes : BLOCK;
    }
}

/* The windows of `pixels` pixels, the runs of each side by side. */
static inline void gather(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t offset, uint32_t pixels,
                          int8_t *panel, uint32_t window)
{
    const uint32_t taps = k->taps, run = k->run, tap_stride = k->tap_stride, pixel_stride = k->pixel_stride;
    const int8_t *const *const end = rows + k->rows;
    for (; rows < end; rows++) {
        const int8_t *x = *rows + offset;
        for (uint32_t t = 0; t < taps; t++, x += tap_stride, panel += run) {
            copy_run(x, pixel_stride, panel, window, run, pixels);
        }
    }
}

static void add_offset(int32_t offset, int32_t *sums, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 4) {
        vstrwq_s32(sums + i, vaddq_n_s32(vldrwq_s32(sums + i), offset));
    }
}

/* How many pixels may be read where they lie, in whole blocks.  Blocks that reach beyond a pixel's run still read
 * input, as long as runs touch and other pixels follow. */
static uint32_t count_direct(const groat_conv_s8 *k, uint32_t window, uint32_t pixels)
{
    if (k->rows != 1 || k->taps != 1) {
        return 0;
    }
    uint32_t beyond = window - k->run;
    if (beyond == 0) {
        return pixels;
    }
    if (k->pixel_stride > k->run || k->pixel_stride == 0) {
        return 0;
    }
    uint32_t last = (beyond + k->pixel_stride - 1) / k->pixel_stride;
    return pixels > last ? pixels - last : 0;
}

/* How many pixels to compute at once: as many as the sums have room for, in pairs. */
static uint32_t pixels_at_once(uint32_t channels)
{
    uint32_t quads = quads_of(channels);
    if (quads == 0 || quads > QUAD_PAIRS / 2) {
        return 2;
    }
    uint32_t pairs = QUAD_PAIRS / quads;
    return 2 * (pairs < PAIRS_AT_ONCE ? pairs : PAIRS_AT_ONCE);
}

void groat_conv_s8_mve(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    const groat_scaling scaling = scaling_of(k->layout, k->output_zero_point, k->act_min, k->act_max);
    const uint32_t window = (uint32_t)padded_window(k), blocks = window / BLOCK;
    const uint32_t out_stride = k->out_stride, channels_out = k->channels_out;
    const uint32_t direct = count_direct(k, window, pixels);
    const uint32_t most = pixels_at_once(channels_out);
    const uint32_t held = window > 0 && PANEL_BYTES / window > 2 ? PANEL_BYTES / window & ~1u : 2;
    int32_t *const sums = k->scratch;
    int8_t *const panel = (int8_t *)k->scratch + SUMS_BYTES;
    for (uint32_t p = 0, count; p < pixels; p += count, out += count * out_stride) {
        const int8_t *x;
        uint32_t step;
        count = pixels - p < most ? pixels - p : most;
        if (p < direct) {
            count = direct - p < count ? direct - p : count;
            step = k->pixel_stride;
            x = rows[0] + p * step;
        } else {
            count = count < held ? count : held;
            gather(k, rows, p * k->pixel_stride, count, panel, window);
            step = window;
            x = panel;
        }
        /* Pairs, then perhaps a single one. */
        const uint32_t pairs = count / 2, last = count & ~1u;
        const int8_t *weights = k->weights;
        const groat_quad *quads = k->channels;
        for (uint32_t o = 0; o < channels_out; o += CHANNELS_AT_ONCE) {
            uint32_t channels = channels_out - o < CHANNELS_AT_ONCE ? channels_out - o : CHANNELS_AT_ONCE;
            if (pairs > 0) {
                tiles_of_two(weights, blocks, x, step, sums, quads_of(channels), pairs);
                if (k->acc_offset != 0) {
                    add_offset(k->acc_offset, sums, 8 * quads_of(channels) * pairs);
                }
                groat_scale_pairs_mve(&scaling, sums, quads, channels, out + o, out_stride, pairs);
            }
            if (last < count) {
                tiles_of_one(weights, blocks, x + last * step, sums, quads_of(channels));
                if (k->acc_offset != 0) {
                    add_offset(k->acc_offset, sums, 4 * quads_of(channels));
                }
                groat_scale_mve(&scaling, sums, quads, channels, out + last * out_stride + o);
            }
            weights += quads_of(channels) * quad_bytes_of(blocks);
            quads += quads_of(channels);
        }
    }
}
