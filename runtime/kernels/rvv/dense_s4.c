/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layers with weights of four bits: output channels in the lanes, inputs are scalars.
 *
 * A byte has two inputs' weights of one channel, signed, the first in the lower half.  Thirty products of them fit 16
 * bits, whatever they are; then the sums are added to those of 32 bits.
 *
 * Tiles of up to 64 channels; their constants: whether a shift is not to the right, biases, multipliers, shifts (as in
 * tile.h).
 */
#include <riscv_vector.h>

#include "../nibbles.h"
#include "scale.h"

#define TILE 64u
#define CHUNK 15u /* pairs of inputs: 30 * 8 * 128 < 2^15 */
#define SUMS_BYTES (TILE * 4)
#define HALVES_BYTES (TILE * 2)

static uint32_t tile_of(const groat_dense_s4 *k, uint32_t first)
{
    return k->channels_out - first < TILE ? k->channels_out - first : TILE;
}

static uint64_t pairs_of(const groat_dense_s4 *k)
{
    return ((uint64_t)k->depth + 1) / 2;
}

static uint32_t record_bytes(uint32_t channels)
{
    return 4 + 4 * channels + 4 * channels + (2 * channels + 3) / 4 * 4;
}

int groat_dense_s4_needs_rvv(const groat_dense_s4 *k, groat_needs *needs)
{
    needs->weights_bytes = pairs_of(k) * k->channels_out;
    needs->channels_bytes = (uint64_t)(k->channels_out / TILE) * record_bytes(TILE);
    if (k->channels_out % TILE > 0) {
        needs->channels_bytes += record_bytes(k->channels_out % TILE);
    }
    needs->scratch_bytes = SUMS_BYTES + HALVES_BYTES;
    return k->layout == 0;
}

int groat_dense_s4_check_rvv(const groat_dense_s4 *k)
{
    const uint8_t *record = k->channels;
    for (uint32_t o = 0; o < k->channels_out; o += TILE) {
        uint32_t channels = tile_of(k, o);
        const int32_t *multipliers = (const int32_t *)(const void *)record + 1 + channels;
        const int16_t *shifts = (const int16_t *)(const void *)(multipliers + channels);
        if (!groat_rvv_scales_valid(multipliers, shifts, channels, *(const uint32_t *)(const void *)record)) {
            return 0;
        }
        record += record_bytes(channels);
    }
    return 1;
}

#define LOWER(bytes) __riscv_vsra_vx_i8m4(__riscv_vsll_vx_i8m4(bytes, 4, vl), 4, vl)
#define UPPER(bytes) __riscv_vsra_vx_i8m4(bytes, 4, vl)
/* Two inputs with all lanes. */
#define ADD_PAIR(i)                                                             \
    do {                                                                        \
        bytes = __riscv_vle8_v_i8m4(w, vl);                                     \
        w += channels;                                                          \
        sums = __riscv_vwmacc_vx_i16m8(sums, x[2 * (i)], LOWER(bytes), vl);     \
        sums = __riscv_vwmacc_vx_i16m8(sums, x[2 * (i) + 1], UPPER(bytes), vl); \
    } while (0)

/* Adds `lanes` sums of 16 bits to those of 32. */
static void widen(const int16_t *halves, int32_t *sums, uint32_t lanes)
{
    for (size_t vl; lanes > 0; lanes -= (uint32_t)vl, halves += vl, sums += vl) {
        vl = __riscv_vsetvl_e16m4(lanes);
        vint16m4_t part = __riscv_vle16_v_i16m4(halves, vl);
        __riscv_vse32_v_i32m8(sums, __riscv_vwadd_wv_i32m8(__riscv_vle32_v_i32m8(sums, vl), part, vl), vl);
    }
}

/* Lanes `first` on of one tile, as many as there are in a register group. */
static void add_up(const groat_dense_s4 *k, const int8_t *w, const int8_t *x, uint32_t channels, size_t vl,
                   int16_t *halves, int32_t *totals)
{
    uint32_t pairs = k->depth / 2;
    while (pairs > 0) {
        uint32_t count = pairs < CHUNK ? pairs : CHUNK;
        vint16m8_t sums = __riscv_vmv_v_x_i16m8(0, vl);
        vint8m4_t bytes;
        pairs -= count;
        for (; count >= 5; count -= 5, x += 10) {
            ADD_PAIR(0);
            ADD_PAIR(1);
            ADD_PAIR(2);
            ADD_PAIR(3);
            ADD_PAIR(4);
        }
        for (; count > 0; count--, x += 2) {
            ADD_PAIR(0);
        }
        __riscv_vse16_v_i16m8(halves, sums, vl);
        widen(halves, totals, (uint32_t)vl);
    }
    if (k->depth % 2 > 0) {
        vint8m4_t bytes = __riscv_vle8_v_i8m4(w, vl);
        vint16m8_t sums = __riscv_vwmacc_vx_i16m8(__riscv_vmv_v_x_i16m8(0, vl), x[0], LOWER(bytes), vl);
        __riscv_vse16_v_i16m8(halves, sums, vl);
        widen(halves, totals, (uint32_t)vl);
    }
}

/* All sums of a tile to outputs. */
static void scale_tile(groat_rvv_scale *s, const int32_t *sums, int8_t *out, uint32_t channels)
{
    if (s->general) {
        groat_rvv_scale_any(s, sums, 0, out, channels);
        return;
    }
#if defined(__riscv_vector)
    const uint32_t most = groat_rvv_group_lanes();
    for (uint32_t lanes; channels > 0; channels -= lanes, sums += lanes, out += lanes) {
        uint32_t a;
        lanes = channels < most ? channels : most;
        __asm__ volatile("vsetvli zero, %[lanes], e32, m8, ta, ma\n vle32.v v16, (%[sums])\n" GROAT_RVV_SCALE(
                             "v16", "%[lanes]", "0", "8", "%[out]")
                         : [a] "=&r"(a)
                         : [scale] "r"(s), [zero_point] "r"(s->zero_point), [low] "r"(s->act_min),
                           [high] "r"(s->act_max), [lanes] "r"(lanes), [sums] "r"(sums), [out] "r"(out)
                         : GROAT_RVV_ALL_REGISTERS);
        s->multipliers += lanes;
        s->shifts += lanes;
    }
#else
    groat_rvv_scale_any(s, sums, 0, out, channels);
#endif
}

void groat_dense_s4_rvv(const groat_dense_s4 *k, const int8_t *x, int8_t *out)
{
    const uint8_t *record = k->channels;
    const int8_t *w = k->weights;
    int32_t *sums = k->scratch;
    int16_t *halves = (int16_t *)(void *)((uint8_t *)k->scratch + SUMS_BYTES);
    int32_t offset = 0;
    if (k->weights_zero_point != 0) {
        offset = groat_dense_offset(k->weights_zero_point, groat_sum_of_inputs(x, k->depth));
    }
    groat_rvv_round_to_nearest_up();
    for (uint32_t o = 0; o < k->channels_out; o += TILE) {
        const uint32_t channels = tile_of(k, o);
        const int32_t *bias = (const int32_t *)(const void *)record + 1;
        groat_rvv_scale s = {
            .multipliers = bias + channels,
            .shifts = (const int16_t *)(const void *)(bias + 2 * channels),
            .zero_point = k->output_zero_point,
            .act_min = k->act_min,
            .act_max = k->act_max,
            .general = *(const uint32_t *)(const void *)record,
        };
        for (size_t first = 0, vl; first < channels; first += vl) {
            vl = __riscv_vsetvl_e32m8(channels - first);
            vint32m8_t start = __riscv_vle32_v_i32m8(bias + first, vl);
            __riscv_vse32_v_i32m8(sums + first, __riscv_vadd_vx_i32m8(start, offset, vl), vl);
        }
        for (size_t first = 0, vl; first < channels; first += vl) {
            vl = __riscv_vsetvl_e8m4(channels - first);
            add_up(k, w + first, x, channels, vl, halves, sums + first);
        }
        scale_tile(&s, sums, out + o, channels);
        w += (uint32_t)pairs_of(k) * channels;
        record += record_bytes(channels);
    }
}
